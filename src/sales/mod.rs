//! Selling: which requests to act on, and the life of each slot from the queue to its end.
//!
//! * [`offer`]: what is sold. [`decision`]: whether a request matches. Pure.
//! * [`sale`]: the checkpoint of one slot. [`step`]: its life, a pure state machine.
//! * [`acts`]: what is written, and the indexes that follow from it. [`verify`]: the same records, held against each other.
//!
//! Nothing here does I/O or knows a clock: the engine does what [`step`] asks for.

pub mod acts;
pub mod decision;
pub mod offer;
pub mod sale;
pub mod step;
pub mod verify;

pub use step::Happened;
