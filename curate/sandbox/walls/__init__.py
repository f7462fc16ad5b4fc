"""The walls of the sandbox: namespaces, Landlock, seccomp, limits, and the calls that set them up."""
