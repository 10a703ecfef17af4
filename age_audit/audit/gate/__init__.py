"""May it guard a door? Whom an age limit lets pass or refuses by estimates alone, for whom, and how sure that is."""
