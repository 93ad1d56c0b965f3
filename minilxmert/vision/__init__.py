"""What a picture is: its files read into arrays."""
