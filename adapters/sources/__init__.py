"""Where knowledge comes from: what each type of source lists, and how an item is fetched."""
