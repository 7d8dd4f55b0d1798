//! Selling: which requests to act on, and the life of each slot from the queue to its end.
//!
//! * [`offer`]: what is sold. [`decision`]: whether a request matches. Pure.
//! * [`sale`]: the checkpoint of one slot. [`step`]: its life, a pure state machine.
//! * [`acts`]: what is written: sales with the [`indexes`] that follow from them, [requests](known), offers, [`counts`]. [`verify`]: the same records,
//!   held against each other.
//!
//! Nothing here does I/O or knows a clock: the engine does what [`step`] asks for.

pub mod acts;
pub mod counts;
pub mod decision;
pub mod indexes;
pub mod known;
pub mod offer;
pub mod sale;
pub mod step;
pub mod verify;

pub use step::Happened;
