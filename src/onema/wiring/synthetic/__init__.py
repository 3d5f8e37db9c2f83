"""A day of traffic that nobody had, for demos: customers, carriers and phones that exist nowhere."""
