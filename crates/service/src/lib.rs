//! What the command line and the window call: storages, credentials, pairs, supervisor.
