"""What every command shares: the errors a user can mend, and how a script ends."""
