"""What the simulator remembers: one SQLite file, so that a restart finds everything again."""
