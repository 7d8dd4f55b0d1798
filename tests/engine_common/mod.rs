//! What the tests of the engine share: a host that does as it is told, requests, and a store that refuses or takes its time.
#![allow(dead_code)] // each test uses its part

use super::store_common::Place;
use sales::datastore::lmdb::LmdbStore;
use sales::datastore::{Backend, CommitError, Read, Table, Write};
use sales::engine::{At, Engine, Options};
use sales::error::{Error, Result};
use sales::host::*;
use sales::market::*;
use sales::sales::offer::Terms;
use sales::sales::sale::State;
use sales::status::*;
use std::sync::atomic::*;
use std::sync::*;
use std::time::Duration;

pub type Hook = Box<dyn FnMut() + Send>;

/// Looks at what a commit would leave.
pub type Look = Box<dyn Fn(&dyn Write) -> bool + Send>;

/// Reserves and sells as it is told; what it was asked is remembered.
#[derive(Default)]
pub struct Host {
    pub total: AtomicU64,
    pub tokens: Mutex<Vec<(OpKind, u64, Id)>>,
    pub pends: AtomicBool,
    pub fill_pends: AtomicBool,
    pub hook: Mutex<Option<Hook>>,
    pub prove_hook: Mutex<Option<Hook>>,
    pub full: AtomicBool,
    pub can_read: bool,
    pub can_read_request: bool,
    pub can_free: bool,
    pub read_hook: Mutex<Option<Hook>>,
    pub can_clear: bool,
    pub clear_hook: Mutex<Option<Hook>>,
    pub clear_status: AtomicI32,
    pub keep_pends: bool,
    pub clears: AtomicU64,
    pub fill_status: AtomicI32,
    pub fill_hook: Mutex<Option<Hook>>,
    pub reserves: AtomicU64,
    pub calls: Mutex<Vec<(OpKind, Id)>>,
    pub no_total: bool,
    pub reserve_pends: bool,
    pub reserve_unknown: AtomicBool,
    pub release_unknown: AtomicBool,
    pub keeps: bool,
    /// The ids of what it was asked to release.
    pub releases: Mutex<Vec<[u8; 16]>>,
}
impl Repo for Host {
    fn available(&self) -> (i32, u64) {
        let h = self.hook.lock().unwrap().take();
        if let Some(mut h) = h {
            h()
        }
        (SALES_OK, 1 << 40)
    }
    fn reserve(&self, op: &Op, b: u64) -> i32 {
        if self.full.load(Ordering::SeqCst) {
            return SALES_HOST_NO_SPACE;
        }
        self.reserves.fetch_add(1, Ordering::SeqCst);
        self.total.fetch_add(b, Ordering::SeqCst);
        if self.reserve_pends {
            self.tokens.lock().unwrap().push((op.kind, op.token, op.slot));
            return SALES_PENDING;
        }
        if self.reserve_unknown.load(Ordering::SeqCst) {
            return SALES_HOST_UNKNOWN;
        }
        SALES_OK
    }
    fn release(&self, op: &Op, b: u64) -> i32 {
        self.releases.lock().unwrap().push(op.id);
        if self.keeps {
            return SALES_HOST_TRANSIENT;
        }
        if self.release_unknown.load(Ordering::SeqCst) {
            return SALES_HOST_UNKNOWN;
        }
        self.total.fetch_sub(b, Ordering::SeqCst);
        SALES_OK
    }
    fn consume(&self, _: &Op, _: u64) -> i32 {
        SALES_OK
    }
    fn reserved(&self) -> (i32, RepoTotal) {
        (SALES_OK, RepoTotal { bytes: self.total.load(Ordering::SeqCst), store_id: [0; 16], store_seq: 0 })
    }
    fn has_reserved(&self) -> bool {
        !self.no_total
    }
    fn has_consume(&self) -> bool {
        false
    }
}
impl Chain for Host {
    fn fill_slot(&self, op: &Op, _: &Slot<'_>, _: &[u8], _: &U256) -> i32 {
        self.calls.lock().unwrap().push((op.kind, op.slot));
        let hook = self.fill_hook.lock().unwrap().take();
        if let Some(mut hook) = hook {
            hook()
        }
        if self.fill_pends.load(Ordering::SeqCst) {
            self.tokens.lock().unwrap().push((op.kind, op.token, op.slot));
            return SALES_PENDING;
        }
        self.fill_status.load(Ordering::SeqCst)
    }
    fn reserve_slot(&self, _: &Op, _: &Slot<'_>) -> i32 {
        SALES_OK
    }
    fn free_slot(&self, op: &Op, _: &Slot<'_>) -> i32 {
        self.calls.lock().unwrap().push((op.kind, op.slot));
        SALES_OK
    }
    fn read_slot(&self, op: &Op, _: &Slot<'_>) -> i32 {
        self.calls.lock().unwrap().push((op.kind, op.slot));
        let h = self.read_hook.lock().unwrap().take();
        if let Some(mut h) = h {
            h()
        }
        self.tokens.lock().unwrap().push((op.kind, op.token, op.slot));
        SALES_PENDING
    }
    fn read_request(&self, op: &Op, _: &Id) -> i32 {
        self.tokens.lock().unwrap().push((op.kind, op.token, op.slot));
        SALES_PENDING
    }
    fn has(&self, kind: OpKind) -> bool {
        match kind {
            OpKind::ReadSlot => self.can_read,
            OpKind::FreeSlot => self.can_free,
            OpKind::ReadRequest => self.can_read_request,
            _ => false,
        }
    }
    fn has_my_slots(&self) -> bool {
        false
    }
}
impl Content for Host {
    fn store(&self, op: &Op, _: &Slot<'_>, _: u64, _: bool) -> i32 {
        if self.pends.load(Ordering::SeqCst) {
            self.tokens.lock().unwrap().push((op.kind, op.token, op.slot));
            return SALES_PENDING;
        }
        SALES_OK
    }
    fn prove(&self, op: &Op, _: &Slot<'_>) -> i32 {
        let hook = self.prove_hook.lock().unwrap().take();
        if let Some(mut hook) = hook {
            hook()
        }
        self.tokens.lock().unwrap().push((op.kind, op.token, op.slot));
        SALES_PENDING
    }
    fn keep(&self, op: &Op, _: &Slot<'_>, _: u64) -> i32 {
        self.tokens.lock().unwrap().push((op.kind, op.token, op.slot));
        SALES_PENDING
    }
    fn clear(&self, _: &Op, _: &Slot<'_>) -> i32 {
        self.clears.fetch_add(1, Ordering::SeqCst);
        let hook = self.clear_hook.lock().unwrap().take();
        if let Some(mut hook) = hook {
            hook()
        }
        self.clear_status.load(Ordering::SeqCst)
    }
    fn cancel(&self, _: u64) {}
    fn has_cancel(&self) -> bool {
        false
    }
    fn has(&self, kind: OpKind) -> bool {
        self.can_clear && kind == OpKind::Clear || self.keep_pends && kind == OpKind::Keep
    }
}
pub fn ask(n: u64, slots: u64) -> Ask {
    let mut nonce = [0; 32];
    nonce[..8].copy_from_slice(&n.to_be_bytes());
    let r = Request {
        client: [1; 20],
        proof_probability: U256::from(4),
        price_per_byte_per_second: U256::from(3),
        collateral_per_byte: U256::from(1),
        slots,
        slot_size: 100,
        duration: 1000,
        max_slot_loss: 0,
        expiry: 500,
        cid: vec![1],
        merkle_root: [4; 32],
        nonce,
    };
    Ask {
        request_id: r.id(),
        proof_probability: r.proof_probability,
        price_per_byte_per_second: r.price_per_byte_per_second,
        collateral_per_byte: r.collateral_per_byte,
        slots,
        slot_size: 100,
        duration: 1000,
        max_slot_loss: 0,
        expires_at: 1500,
        ends_at: 2000,
        request: Some(r),
    }
}
pub fn terms() -> Terms {
    Terms { enabled: true, total_size: 1 << 40, total_collateral: U256::from(1u64 << 50), ..Terms::default() }
}
pub fn options() -> Options {
    Options { seed: 5, max_attempts: 8, queue_limit: 1000, history_limit: 1000, ..Options::default() }
}
pub fn engine(b: Box<dyn Backend>, h: &Arc<Host>, o: Options) -> Arc<Engine> {
    let e = Arc::new(Engine::new(b, o).unwrap());
    e.register_repo(h.clone()).unwrap();
    e.register_chain(h.clone()).unwrap();
    e.register_content(h.clone()).unwrap();
    e
}

/// What a [`Store`] does, from outside.
#[derive(Default)]
pub struct Switches {
    /// Every write is refused.
    pub refuses: AtomicBool,
    /// Every read is refused.
    pub blind: AtomicBool,
    /// With which status; 0: SALES_ERR_STORE.
    pub status: AtomicI32,
    /// After so many reads and writes one is refused; below zero: none.
    pub left: AtomicI64,
    /// And with it so many more behind it.
    pub more: AtomicI64,
    /// After so many writes that could be applied one is refused by its commit; below zero: none.
    pub commits_left: AtomicI64,
    /// The next write calls it, and is refused.
    pub at_write: Mutex<Option<Hook>>,
    /// Of the next write nobody knows whether it is there.
    pub unknown: AtomicBool,
    /// Each write is refused whose outcome this does not like.
    pub dislikes: Mutex<Option<Look>>,
    /// A write takes so many milliseconds.
    pub slow_ms: AtomicU64,
    /// A read calls it, after so many others.
    pub at_read: Mutex<Option<(u32, Hook)>>,
    pub reads: AtomicU64,
    pub writes: AtomicU64,
}

impl Switches {
    fn fails(&self) -> bool {
        let is_first = self.left.fetch_sub(1, Ordering::SeqCst) == 0;
        is_first || self.left.load(Ordering::SeqCst) < 0 && self.more.fetch_sub(1, Ordering::SeqCst) > 0
    }

    fn planned(&self) -> Error {
        let status = self.status.load(Ordering::SeqCst);
        Error::new(if status == SALES_OK { SALES_ERR_STORE } else { status }, "planned")
    }
}

/// A real store that refuses or takes its time.
struct Store(LmdbStore, Arc<Switches>);

impl Backend for Store {
    fn read(&self, body: &mut dyn FnMut(&dyn Read) -> Result<()>) -> Result<()> {
        self.1.reads.fetch_add(1, Ordering::SeqCst);
        let hook = {
            let mut at_read = self.1.at_read.lock().unwrap();
            match at_read.as_mut() {
                Some((0, _)) => at_read.take(),
                Some((left, _)) => {
                    *left -= 1;
                    None
                }
                None => None,
            }
        };
        if let Some((_, mut hook)) = hook {
            hook();
        }
        if self.1.fails() || self.1.blind.load(Ordering::SeqCst) {
            return Err(self.1.planned());
        }
        self.0.read(body)
    }
    fn write(&self, body: &mut dyn FnMut(&mut dyn Write) -> Result<()>) -> std::result::Result<(), CommitError> {
        self.1.writes.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(self.1.slow_ms.load(Ordering::SeqCst)));
        let hook = self.1.at_write.lock().unwrap().take();
        let refused = hook.is_some() || self.1.fails() || self.1.refuses.load(Ordering::SeqCst);
        if let Some(mut hook) = hook {
            hook();
        }
        if refused {
            return Err(CommitError::Clean(self.1.planned()));
        }
        self.0.write(&mut |write| {
            body(write)?;
            let disliked = self.1.dislikes.lock().unwrap().as_ref().is_some_and(|dislikes| dislikes(write));
            if disliked || self.1.commits_left.fetch_sub(1, Ordering::SeqCst) == 0 {
                return Err(self.1.planned());
            }
            Ok(())
        })?;
        match self.1.unknown.swap(false, Ordering::SeqCst) {
            true => Err(CommitError::Unknown(Error::new(SALES_ERR_STORE_REOPEN, "planned"))),
            false => Ok(()),
        }
    }
    fn seq(&self) -> u64 {
        self.0.seq()
    }
    fn birth(&self) -> [u8; 16] {
        self.0.birth()
    }
}

/// A store and its switches.
pub fn store(place: &Place) -> (Box<dyn Backend>, Arc<Switches>) {
    let switches =
        Arc::new(Switches { left: AtomicI64::new(-1), commits_left: AtomicI64::new(-1), ..Switches::default() });
    (Box::new(Store(place.open().unwrap(), switches.clone())), switches)
}

/// An engine that has started and has an offer.
pub fn started(place: &Place, host: &Arc<Host>, options: Options) -> (Arc<Engine>, Arc<Switches>) {
    let (store, switches) = store(place);
    let engine = engine(store, host, options);
    engine.start(1000).unwrap();
    engine.offer_put(1000, Id::ZERO, terms()).unwrap();
    (engine, switches)
}

/// A host whose content pends and whose repo, asked what is free, calls back in.
pub fn begun(place: &Place) -> (Arc<Host>, Arc<Engine>) {
    let host = Arc::new(Host { pends: AtomicBool::new(true), ..Host::default() });
    let (engine, _) = started(place, &host, options());
    (host, engine)
}

/// Request 1 of block 10 is accepted, and its slot attempted; where content pends, it is being downloaded, else proved.
pub fn selling(place: &Place, pends: bool) -> (Arc<Host>, Arc<Engine>, Arc<Switches>) {
    let host = Arc::new(Host { pends: AtomicBool::new(pends), ..Host::default() });
    let (engine, switches) = started(place, &host, options());
    engine.on_request(1000, At { block: 10, ..At::default() }, ask(1, 1)).unwrap();
    (host, engine, switches)
}

/// What content.prove answers.
pub fn proof() -> Answer {
    Answer { proof: Some(vec![1]), ..Answer::of(SALES_OK) }
}

/// Changes a bit of a value.
/// A host that can ask the chain, and collect what it owes.
pub fn reads() -> Host {
    Host { can_read: true, can_free: true, ..Host::default() }
}

/// What the chain says of slot 1.
pub fn view(request_state: RequestState, slot_state: SlotState, is_mine: bool) -> Answer {
    let collateral = U256::from(100);
    let view = SlotView { request_state, slot_state, is_mine, expires_at: 1500, ends_at: 2000, collateral };
    Answer { view: Some(Box::new(view)), ..Answer::of(SALES_OK) }
}

/// The token of what is out, which is of that kind.
#[track_caller]
pub fn out(host: &Host, of: OpKind) -> u64 {
    let (kind, token, _) = host.tokens.lock().unwrap().remove(0);
    assert_eq!(kind, of);
    token
}

pub fn damage(place: &Place, table: Table, key: &[u8]) {
    let change = &mut |write: &mut dyn Write| {
        let mut bytes = write.get(table, key)?.unwrap().to_vec();
        bytes[3] ^= 1;
        write.put(table, key, &bytes)
    };
    place.open().unwrap().write(change).unwrap();
}

pub fn at(block: u64) -> At {
    At { block, ..At::default() }
}

pub fn taken_back(block: u64) -> At {
    At { removed: true, ..at(block) }
}

pub fn request(n: u64) -> Id {
    ask(n, 1).request_id
}

pub fn slot(n: u64) -> Id {
    slot_id(&request(n), 0)
}

pub fn status<T>(told: Result<T>) -> std::result::Result<T, i32> {
    told.map_err(|error| error.status)
}

/// Request 1 has a filled slot.
pub fn filled(place: &Place) -> (Arc<Host>, Arc<Engine>, Arc<Switches>) {
    filled_with(place, Host::default())
}

/// The same of a host that can do more.
pub fn filled_with(place: &Place, host: Host) -> (Arc<Host>, Arc<Engine>, Arc<Switches>) {
    let host = Arc::new(host);
    let (engine, switches) = started(place, &host, options());
    engine.on_request(1000, at(10), ask(1, 1)).unwrap();
    let (_, token, _) = host.tokens.lock().unwrap().remove(0);
    engine.complete(1001, token, proof()).unwrap();
    assert_eq!(engine.sale(slot(1)).unwrap().0.state, State::Filled);
    (host, engine, switches)
}

/// Request 1 had a sale, which is over.
pub fn over(place: &Place) -> (Arc<Host>, Arc<Engine>, Arc<Switches>) {
    let (host, engine, switches) = selling(place, true);
    engine.abandon(1000, slot(1), false).unwrap();
    let (_, token, _) = host.tokens.lock().unwrap().remove(0);
    engine.complete(1000, token, Answer::of(SALES_HOST_CANCELLED)).unwrap();
    assert!(engine.sale(slot(1)).unwrap().0.is_ended());
    (host, engine, switches)
}

/// What another thread is told at the next write, which is refused. Nothing: it waited for that write, and would for ever.
pub fn beside_a_write(
    switches: &Switches,
    engine: &Arc<Engine>,
    tell: impl Fn(&Engine) -> Result<i32> + Send + Sync + 'static,
) -> Arc<Mutex<Option<std::result::Result<i32, i32>>>> {
    let said = Arc::new(Mutex::new(None));
    let (says, engine, tell) = (said.clone(), engine.clone(), Arc::new(tell));
    *switches.at_write.lock().unwrap() = Some(Box::new(move || {
        let (engine, tell) = (engine.clone(), tell.clone());
        let (done, is_done) = mpsc::channel();
        std::thread::spawn(move || done.send(tell(&engine)));
        *says.lock().unwrap() = is_done.recv_timeout(Duration::from_secs(20)).ok().map(status);
    }));
    said
}

/// Everything up to a block is taken in.
pub fn is_seen(engine: &Engine, now: u64, block: u64) {
    engine.on_request(now, at(block), ask(900 + block, 1)).unwrap();
    engine.tick(now).unwrap();
    assert_eq!(engine.stats().unwrap().last_block, block);
}

/// Ticks as a host does that follows the deadlines, for a second at most; how often.
pub fn ticks_in_a_second(engine: &Engine, from: u64) -> usize {
    let (mut now, mut ticks) = (from, 0);
    while now <= from && ticks < 1000 {
        let _ = engine.tick(now);
        ticks += 1;
        now = now.max(engine.next_deadline().unwrap());
    }
    ticks
}
