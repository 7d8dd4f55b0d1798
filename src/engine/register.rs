//! What the host registers: its repo, chain, content and watch, and the market's constants.

use super::{Engine, Host, Phase};
use crate::error::{Error, Result};
use crate::host::{Chain, Content, OpKind, Repo, Watch};
use crate::market::Market;
use crate::sales::step::HostCan;
use crate::status::*;
use std::sync::{Arc, PoisonError};

impl Engine {
    fn register<T>(&self, what: &str, place: impl FnOnce(&mut Host) -> &mut Option<T>, table: T) -> Result<i32> {
        let phase = self.memory().phase;
        if !matches!(phase, Phase::Open | Phase::Stopped) {
            let text = format!("{what}: the instance is started; register before sales_start, or after sales_stop");
            return Err(Error::new(SALES_ERR_STATE, text));
        }
        let mut host = self.host.write().unwrap_or_else(PoisonError::into_inner);
        let place = place(&mut host);
        if place.is_some() && phase == Phase::Open {
            return Err(Error::new(SALES_ERR_REGISTERED, format!("{what} is registered already")));
        }
        *place = Some(table);
        Ok(SALES_OK)
    }

    /// Registers the repo.
    pub fn register_repo(&self, repo: Arc<dyn Repo>) -> Result<i32> {
        self.register("the repo", |host| &mut host.repo, repo)
    }

    /// Registers the chain.
    pub fn register_chain(&self, chain: Arc<dyn Chain>) -> Result<i32> {
        self.register("the chain", |host| &mut host.chain, chain)
    }

    /// Registers the content.
    pub fn register_content(&self, content: Arc<dyn Content>) -> Result<i32> {
        self.register("the content", |host| &mut host.content, content)
    }

    /// Registers who hears the news.
    pub fn register_watch(&self, watch: Arc<dyn Watch>) -> Result<i32> {
        self.register("the watch", |host| &mut host.watch, watch)
    }

    /// Takes the market's constants; a later call replaces them.
    pub fn set_market(&self, market: Market) -> Result<i32> {
        let phase = self.memory().phase;
        if !matches!(phase, Phase::Open | Phase::Stopped) {
            return Err(Error::new(SALES_ERR_STATE, "the instance is started; set the market before sales_start"));
        }
        self.host.write().unwrap_or_else(PoisonError::into_inner).market = Some(market);
        Ok(SALES_OK)
    }

    /// What the host can do, as the sales' steps need to know it.
    pub(super) fn host_can(&self) -> HostCan {
        let host = self.host();
        let chain = |kind| host.chain.as_ref().is_some_and(|chain| chain.has(kind));
        let content = |kind| host.content.as_ref().is_some_and(|content| content.has(kind));
        HostCan {
            reserve_slot: chain(OpKind::ReserveSlot),
            read_slot: chain(OpKind::ReadSlot),
            free_slot: chain(OpKind::FreeSlot),
            keep: content(OpKind::Keep),
            clear: content(OpKind::Clear),
        }
    }
}
