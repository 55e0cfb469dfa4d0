//! What a deletion takes along, one TOML a provider, each statement with its source and the day it was read.
