"""`python -m leads_pipeline` is `leads`, where the command is not installed."""

from leads_pipeline.cli import main

if __name__ == "__main__":
    main()
