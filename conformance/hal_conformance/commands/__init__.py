"""What the commands of `hal_conformance.cli` do, a module each; all print through hal.cli."""
