"""How radiographs enter the queue: folders, a watched folder, and what becomes of the files."""
