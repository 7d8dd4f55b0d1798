//! The border: turns C into Rust and back. No export does more than check, convert and call one method of
//! the engine. Together with the LMDB room the only place of `unsafe`.
#![allow(unsafe_code)]

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
mod selling;
mod tables;
pub mod types;
