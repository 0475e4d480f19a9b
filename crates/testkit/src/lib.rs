//! For tests only: simulated storage, seeds, conformance suite, server launchers.
