//! The border: turns C into Rust and back. No export does more than check, convert and call one method of
//! the engine. Together with the LMDB room the only place of `unsafe`.
// What a caller owes is said once, in the header's first comment: valid pointers or NULL, sizes set.
#![allow(unsafe_code, clippy::missing_safety_doc)]

pub mod constants;
mod convert;
mod guard;
mod handles;
mod helpers;
mod ledger;
mod library;
mod life;
mod logging;
mod names;
mod offers;
pub mod registry;
mod selling;
mod tables;
pub mod types;
mod verify;
