"""Turns an uploaded file into text: `parser.DocumentParser`, in a process that may be killed."""
