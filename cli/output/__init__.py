"""How commands speak: tables, progress, forms, and sentences that several of them print."""
