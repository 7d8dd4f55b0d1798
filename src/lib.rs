//! libsales: the sales module of a storage node. It decides which requests to act on, reserves the space, has the content stored and
//! proved, fills the slot, keeps the space until the request ends and gives it back exactly once.
//!
//! Hosts use the C ABI (`include/sales.h`, made from [`ffi`]); the rooms behind it are public so that tests can drive
//! them, and may change from one version to the next. ARCHITECTURE.md has the picture.
#![deny(unsafe_code)]

pub mod codec;
pub mod damage;
pub mod datastore;
pub mod engine;
pub mod error;
pub mod event;
pub mod ffi;
pub mod history;
pub mod host;
pub mod ledger;
pub mod market;
pub mod sales;
pub mod status;
pub mod sync;
pub mod verify;
