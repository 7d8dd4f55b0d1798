//! Small encounters of threads, in every interleaving: group commit, claims, handles, and one sale or operation of the whole engine.
//! Built with `--cfg checker="loom"`: `make interleave`. Loom tries each order in which the locks can be taken, with at most so many
//! preemptions as an encounter names (none named: all).
#![cfg(checker = "loom")]

mod claims;
mod explore;
mod group_commit;
mod handles;
mod store;
