"""What the pages share: the frame around them, the sign-in before them, their state, errors and small parts."""
