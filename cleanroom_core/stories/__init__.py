"""One module per verb. The only code that appends entries; each re-checks permissions and reads like the user manual."""
