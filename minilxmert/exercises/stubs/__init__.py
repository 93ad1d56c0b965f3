"""What `minilxmert exercise start` copies into a folder: the stubs, and two files that let pytest run the checks."""
