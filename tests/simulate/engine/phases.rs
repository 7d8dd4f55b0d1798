//! What is refused because of where the module is in its life, and by which name.

use super::host::Host;
use super::world::World;
use sales::engine::Engine;
use sales::error::Result;
use sales::host::OpKind;
use sales::market::{keccak256, Id};
use sales::status::*;
use std::sync::Arc;

impl World {
    fn is_refused(&self, what: &str, with: i32, call: impl FnOnce(&Engine) -> Result<i32>) {
        match self.call(what, |engine| call(engine).or_else(super::world::expect(with))) {
            Some(Ok(status)) if status == with => {}
            Some(other) => self.broken(format!("{what} is answered {other:?}, deserves {with}")),
            None => {}
        }
    }

    /// Opened and not started: each table once, and no business.
    pub fn refused_before_the_start(&self) {
        let host = Arc::new(Host { shared: self.shared.clone() });
        self.is_refused("a second repo", SALES_ERR_REGISTERED, |engine| engine.register_repo(host));
        self.refused_when_not_running("before the start");
        let now = self.now();
        self.is_refused("a stop before the start", SALES_ERR_STATE, |engine| engine.stop(now));
    }

    /// At work: no other tables.
    pub fn refused_while_running(&self) {
        let host = Arc::new(Host { shared: self.shared.clone() });
        let now = self.now();
        self.is_refused("another repo while it runs", SALES_ERR_STATE, |engine| engine.register_repo(host));
        self.is_refused("a start while it runs", SALES_ERR_STATE, |engine| engine.start(now));
    }

    /// Not started, stopping, or stopped.
    pub fn refused_when_not_running(&self, when: &str) {
        let (slot, now) = (Id(keccak256(&[0])), self.now());
        self.is_refused(&format!("reserve {when}"), SALES_ERR_STATE, |engine| {
            engine.reserve(now, slot, 1).map(|answered| answered.status)
        });
        self.is_refused(&format!("consumed {when}"), SALES_ERR_STATE, |engine| engine.consumed(now, slot, 1));
        self.is_refused(&format!("tick {when}"), SALES_ERR_STATE, |engine| engine.tick(now));
    }

    /// A stop waits for what is out: what need not be waited for is cancelled.
    pub fn all_is_cancelled(&self) {
        let mut t = self.t();
        let is_long = |kind| matches!(kind, OpKind::Store | OpKind::Prove);
        let waits = t.out.iter().find(|out| is_long(out.job.kind) && !out.cancelled);
        let waits = waits.filter(|_| t.has.cancel).map(|out| out.job.kind.name());
        if let Some(waits) = waits {
            t.broken(format!("a stop waits for {waits}, and has not cancelled it"));
        }
    }

    /// Stopped once more.
    pub fn stopped_twice(&self) {
        let now = self.now();
        self.is_refused("a stop after the stop", SALES_ALREADY, |engine| engine.stop(now));
    }
}
