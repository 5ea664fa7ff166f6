"""Real servers of our own: started in a temporary folder, killed and restarted as needed."""
