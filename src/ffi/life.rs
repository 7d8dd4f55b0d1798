//! The life of an instance: open, register, start, stop, close.

use super::convert;
use super::guard::{call, plain};
use super::handles;
use super::tables;
use super::types::*;
use crate::status::*;
use std::ffi::c_char;

/// Opens the store in the directory `path` (made if its parent is there), or makes a new one. From now on reads
/// and offers work. One instance a directory: another in this process or in any other is refused. [thread-safe] [may wait for the disk]
///
/// `abi_version`: SALES_ABI_VERSION, as you were compiled. `options`: NULL for the defaults. `sales`: the handle, written on SALES_OK.
/// SALES_ERR_VERSION, SALES_ERR_ARGUMENT (path NULL or empty), SALES_ERR_STRUCT, and of the store: SALES_ERR_STORE_PATH,
/// _LOCKED, _NETWORK, _DAMAGED, _VERSION, _LOST, _IDENTITY, SALES_ERR_DISK_FULL, SALES_ERR_STORE.
#[no_mangle]
pub unsafe extern "C" fn sales_open(
    abi_version: u32,
    path: *const c_char,
    options: *const sales_options_t,
    sales: *mut sales_t,
    error: *mut sales_error_t,
) -> sales_status_t {
    plain(error, || {
        convert::abi_version(abi_version)?;
        // SAFETY: the header asks for valid pointers or NULL, which convert refuses by name.
        let (path, options) = unsafe { (convert::path(path)?, convert::options(options)?) };
        // SAFETY: as above.
        let out = unsafe { convert::out(sales, "sales")? };
        *out = handles::open(&path, options)?;
        Ok(SALES_OK)
    })
}

/// Registers the repo; required before sales_start. The table is copied; what user_data points to must live until sales_close
/// returned (closed inside a callback: until the last call has left). [thread-safe]
/// SALES_ERR_TABLE (available, reserve or release missing), SALES_ERR_REGISTERED, SALES_ERR_STATE (started), SALES_ERR_STRUCT.
#[no_mangle]
pub unsafe extern "C" fn sales_register_repo(
    sales: sales_t,
    repo: *const sales_repo_t,
    error: *mut sales_error_t,
) -> sales_status_t {
    call(sales, error, |instance| {
        // SAFETY: the header asks for a valid table or NULL.
        let table = unsafe { convert::table(repo, "repo")? };
        instance.register_repo(tables::repo(table)?)
    })
}

/// Registers the chain, as sales_register_repo. Needed to sell; a host that only keeps books needs none. [thread-safe]
/// SALES_ERR_TABLE (fill_slot missing), SALES_ERR_REGISTERED, SALES_ERR_STATE, SALES_ERR_STRUCT.
#[no_mangle]
pub unsafe extern "C" fn sales_register_chain(
    sales: sales_t,
    chain: *const sales_chain_t,
    error: *mut sales_error_t,
) -> sales_status_t {
    call(sales, error, |instance| {
        // SAFETY: the header asks for a valid table or NULL.
        let table = unsafe { convert::table(chain, "chain")? };
        instance.register_chain(tables::chain(table)?)
    })
}

/// Registers the content, as sales_register_repo. Needed to sell. [thread-safe]
/// SALES_ERR_TABLE (store or prove missing), SALES_ERR_REGISTERED, SALES_ERR_STATE, SALES_ERR_STRUCT.
#[no_mangle]
pub unsafe extern "C" fn sales_register_content(
    sales: sales_t,
    content: *const sales_content_t,
    error: *mut sales_error_t,
) -> sales_status_t {
    call(sales, error, |instance| {
        // SAFETY: the header asks for a valid table or NULL.
        let table = unsafe { convert::table(content, "content")? };
        instance.register_content(tables::content(table)?)
    })
}

/// Registers who hears the news; optional. As sales_register_repo. [thread-safe]
/// SALES_ERR_TABLE (on_event missing), SALES_ERR_REGISTERED, SALES_ERR_STATE, SALES_ERR_STRUCT.
#[no_mangle]
pub unsafe extern "C" fn sales_register_watch(
    sales: sales_t,
    watch: *const sales_watch_t,
    error: *mut sales_error_t,
) -> sales_status_t {
    call(sales, error, |instance| {
        // SAFETY: the header asks for a valid table or NULL.
        let table = unsafe { convert::table(watch, "watch")? };
        instance.register_watch(tables::watch(table)?)
    })
}

/// The market's constants; optional, before sales_start. [thread-safe]
/// SALES_ERR_ARGUMENT (a percentage above 100), SALES_ERR_STATE, SALES_ERR_STRUCT.
#[no_mangle]
pub unsafe extern "C" fn sales_set_market(
    sales: sales_t,
    market: *const sales_market_t,
    error: *mut sales_error_t,
) -> sales_status_t {
    call(sales, error, |instance| {
        // SAFETY: the header asks for a valid struct or NULL.
        let market = unsafe { convert::market(market)? };
        instance.set_market(market)
    })
}

/// Settles the books with the repo (recovery by total), then resumes every sale where it was. `now`: chain time, the host's best
/// knowledge, seconds since 1970. [any thread, not from a callback] [may wait for the disk]
///
/// SALES_OK: running; sales_stats_t.phase tells whether short. SALES_PENDING: the repo has a release or reserve of the recovery pending: complete it
/// and call again. After sales_stop it starts again.
/// SALES_ERR_TABLE (no repo), SALES_ERR_STATE (running, or stopped meanwhile), SALES_ERR_IN_CALLBACK, SALES_ERR_STORE_NEW, SALES_ERR_STORE_STALE,
/// SALES_ERR_STORE_BACKUP, SALES_HOST_* (repo.reserved failed: call again), SALES_ERR_STORE, SALES_ERR_DISK_FULL.
/// What failed changed nothing that the next call would not settle.
#[no_mangle]
pub unsafe extern "C" fn sales_start(sales: sales_t, now: u64, error: *mut sales_error_t) -> sales_status_t {
    call(sales, error, |instance| instance.start(now))
}

/// Asks to stop: nothing new begins, content operations are cancelled. SALES_PENDING while operations are out at the host
/// (sales_stats_t.pending_ops): complete them and call again; where none is, calls left more to do than one does: call again. Never waits for them. sales_start begins again.
/// [any thread, not from a callback] [may wait for the disk]
/// SALES_ALREADY (stopped before), SALES_ERR_STATE (not started), SALES_ERR_IN_CALLBACK, SALES_ERR_DISK_FULL, SALES_ERR_STORE (call again).
#[no_mangle]
pub unsafe extern "C" fn sales_stop(sales: sales_t, now: u64, error: *mut sales_error_t) -> sales_status_t {
    call(sales, error, |instance| instance.stop(now))
}

/// Closes. Waits for other threads inside a call, never for operations at the host: those are left to the next start, and their
/// completion answers SALES_ERR_HANDLE. Inside a callback it takes effect when the last call leaves. 0 is SALES_OK. [thread-safe] [may wait for the disk]
/// SALES_ERR_HANDLE (closed already, or never opened).
#[no_mangle]
pub unsafe extern "C" fn sales_close(sales: sales_t, error: *mut sales_error_t) -> sales_status_t {
    plain(error, || handles::close(sales))
}
