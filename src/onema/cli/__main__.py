from onema.cli import main

main()
