//! The numbers a call or a host may answer: 0 OK, positive not an error, negative an error,
//! numbered by hundreds. One list for the header, the core and the texts; a number is never reused.

macro_rules! count_statuses {
    ($($name:ident),* $(,)?) => {
        /// Every status: its number and its name as in the header.
        pub const ALL: &[(i32, &str)] = &[$(($name, stringify!($name))),*];
    };
}

/// Done, and durable where the call says so.
pub const SALES_OK: i32 = 0;
/// Not done yet: an operation is pending at the host, or other work is still out. Nothing is lost.
/// The call says how it ends (a token and the watch, or: call again).
pub const SALES_PENDING: i32 = 1;
/// Done before and durable; nothing was changed (a repeated reserve of the same amount, a repeated release).
pub const SALES_ALREADY: i32 = 2;
/// A decision said no. sales_evaluate lists every reason.
pub const SALES_REFUSED: i32 = 3;
/// Accepted; the effect follows by itself. From sales_release: the intent is durable and is tried
/// until the repo accepts it. Inside a callback: recorded, and done by the outermost call of this
/// thread after the callback returned; the watch tells its outcome.
pub const SALES_QUEUED: i32 = 4;
/// sales_set_log: the process has a logger of its own (a Rust host); it gets the lines.
pub const SALES_HOST_LOGGER: i32 = 5;

/// An argument is null, out of range or malformed; the text names it. Correct the call.
pub const SALES_ERR_ARGUMENT: i32 = -101;
/// The handle is zero, stale, closed or not of this library. Open again.
pub const SALES_ERR_HANDLE: i32 = -102;
/// The call is not possible in this phase (not started, started, stopping). The text says which phase it needs.
pub const SALES_ERR_STATE: i32 = -103;
/// The call may not be made from inside a callback. Make it after the callback returned.
pub const SALES_ERR_IN_CALLBACK: i32 = -104;
/// A struct's size is too short or too long with a non-zero tail, or a reserved field is not zero.
pub const SALES_ERR_STRUCT: i32 = -105;
/// No such slot, sale, offer or request.
pub const SALES_ERR_NOT_FOUND: i32 = -106;
/// The token is unknown, late or completed before. Harmless: nothing was changed.
pub const SALES_ERR_TOKEN: i32 = -107;
/// The ABI version the host was compiled with is not spoken by this library. Use the matching header.
pub const SALES_ERR_VERSION: i32 = -108;
/// The process was forked after sales_open: only the parent may use the handle. Open in the child after exec.
pub const SALES_ERR_FORKED: i32 = -109;
/// This table is registered already. Stop the instance to register another.
pub const SALES_ERR_REGISTERED: i32 = -110;
/// A required entry of a callback table is missing, or a table that the call needs is not registered.
pub const SALES_ERR_TABLE: i32 = -111;
/// The caller's buffer is too short; the length needed was written.
pub const SALES_ERR_TOO_SHORT: i32 = -112;
/// Known and valid, but this version does not do it; the text says what does.
pub const SALES_ERR_UNSUPPORTED: i32 = -113;

/// The slot, or the thing asked for, is being worked on. Ask again when its operation is done.
pub const SALES_ERR_BUSY: i32 = -201;
/// The repo has not so many free bytes.
pub const SALES_ERR_NO_SPACE: i32 = -202;
/// The slot is reserved with another amount, or more was consumed than was reserved.
pub const SALES_ERR_AMOUNT: i32 = -203;
/// Nobody knows whether the repo did what it was asked for this slot. sales_reconcile or sales_resolve settles it.
pub const SALES_ERR_IN_DOUBT: i32 = -204;
/// The repo lost bytes it had acknowledged and cannot give them back: nothing new is reserved until it can.
pub const SALES_ERR_SHORT: i32 = -205;
/// The offer would be smaller, or end earlier, than what it has sold.
pub const SALES_ERR_IN_USE: i32 = -206;
/// The slot belongs to a sale: sales_abandon ends it.
pub const SALES_ERR_OWNED_BY_SALE: i32 = -207;
/// The request contradicts itself: its id is not its hash, or ask and request disagree.
pub const SALES_ERR_REQUEST: i32 = -208;
/// A sum or product of bytes, seconds or money does not fit its number.
pub const SALES_ERR_OVERFLOW: i32 = -209;
/// A bounded list of the library is full; the text says which, and its limit.
pub const SALES_ERR_FULL: i32 = -210;

/// The store could not be read or written (I/O error). What failed had no effect.
pub const SALES_ERR_STORE: i32 = -301;
/// The disk of the store is full. What failed had no effect; releases stay possible; retry when there is room.
pub const SALES_ERR_DISK_FULL: i32 = -302;
/// The store is new, but the repo holds bytes for us: another store knows whose they are. Find it, or open with SALES_OPEN_RESET.
pub const SALES_ERR_STORE_NEW: i32 = -303;
/// The repo knows a later commit than this store has, or another store: this is an old copy. Find the newest, or open with SALES_OPEN_RESET.
pub const SALES_ERR_STORE_STALE: i32 = -304;
/// The store is open already: in this process, by another path, or by another process.
pub const SALES_ERR_STORE_LOCKED: i32 = -305;
/// The store's file is damaged. The text says where. Restore the newest backup.
pub const SALES_ERR_STORE_DAMAGED: i32 = -306;
/// The store was written by a newer version of the library.
pub const SALES_ERR_STORE_VERSION: i32 = -307;
/// The path is missing, not a directory, or not writable.
pub const SALES_ERR_STORE_PATH: i32 = -308;
/// The path lies on a network file system, where neither locks nor syncs can be trusted.
pub const SALES_ERR_STORE_NETWORK: i32 = -309;
/// The store has its identity but its data is missing or empty. Restore the newest backup, or open with SALES_OPEN_RESET.
pub const SALES_ERR_STORE_LOST: i32 = -310;
/// The store has data but no identity. Restore its identity file, or open with SALES_OPEN_RESET.
pub const SALES_ERR_STORE_IDENTITY: i32 = -311;
/// The store's file was removed or replaced while it was open. Stop, restore, open again.
pub const SALES_ERR_STORE_GONE: i32 = -312;
/// A record's checksum does not fit. Its slot is named; the rest of the store stays usable.
pub const SALES_ERR_RECORD: i32 = -313;
/// It is unknown whether the last commit is on disk. Close and open again: the next start settles it.
pub const SALES_ERR_STORE_REOPEN: i32 = -314;
/// The store is a backup. Open with SALES_OPEN_RESET to go on from it.
pub const SALES_ERR_STORE_BACKUP: i32 = -315;

/// A host answers: no effect; try again later.
pub const SALES_HOST_TRANSIENT: i32 = -401;
/// A host answers: no effect; the chain or the repo does not allow it.
pub const SALES_HOST_NOT_ALLOWED: i32 = -402;
/// A host answers: no effect; the state is another than the library thought.
pub const SALES_HOST_STATE_MISMATCH: i32 = -403;
/// A host answers: no effect, and trying again is no use.
pub const SALES_HOST_PERMANENT: i32 = -404;
/// A host answers: nobody knows whether it happened. The library asks, never guesses. Any number not in this list is read so.
pub const SALES_HOST_UNKNOWN: i32 = -405;
/// A host answers: no effect; there is no room.
pub const SALES_HOST_NO_SPACE: i32 = -406;
/// A host answers a cancelled operation: nothing was or will be done.
pub const SALES_HOST_CANCELLED: i32 = -407;

/// A defect of the library was caught before it could reach the host. The text is worth a report.
pub const SALES_ERR_INTERNAL: i32 = -501;
/// A defect was caught earlier in this instance, whose memory cannot be trusted since. Close it and open again: the store is sound.
pub const SALES_ERR_POISONED: i32 = -502;

count_statuses!(
    SALES_OK,
    SALES_PENDING,
    SALES_ALREADY,
    SALES_REFUSED,
    SALES_QUEUED,
    SALES_HOST_LOGGER,
    SALES_ERR_ARGUMENT,
    SALES_ERR_HANDLE,
    SALES_ERR_STATE,
    SALES_ERR_IN_CALLBACK,
    SALES_ERR_STRUCT,
    SALES_ERR_NOT_FOUND,
    SALES_ERR_TOKEN,
    SALES_ERR_VERSION,
    SALES_ERR_FORKED,
    SALES_ERR_REGISTERED,
    SALES_ERR_TABLE,
    SALES_ERR_TOO_SHORT,
    SALES_ERR_UNSUPPORTED,
    SALES_ERR_BUSY,
    SALES_ERR_NO_SPACE,
    SALES_ERR_AMOUNT,
    SALES_ERR_IN_DOUBT,
    SALES_ERR_SHORT,
    SALES_ERR_IN_USE,
    SALES_ERR_OWNED_BY_SALE,
    SALES_ERR_REQUEST,
    SALES_ERR_OVERFLOW,
    SALES_ERR_FULL,
    SALES_ERR_STORE,
    SALES_ERR_DISK_FULL,
    SALES_ERR_STORE_NEW,
    SALES_ERR_STORE_STALE,
    SALES_ERR_STORE_LOCKED,
    SALES_ERR_STORE_DAMAGED,
    SALES_ERR_STORE_VERSION,
    SALES_ERR_STORE_PATH,
    SALES_ERR_STORE_NETWORK,
    SALES_ERR_STORE_LOST,
    SALES_ERR_STORE_IDENTITY,
    SALES_ERR_STORE_GONE,
    SALES_ERR_RECORD,
    SALES_ERR_STORE_REOPEN,
    SALES_ERR_STORE_BACKUP,
    SALES_HOST_TRANSIENT,
    SALES_HOST_NOT_ALLOWED,
    SALES_HOST_STATE_MISMATCH,
    SALES_HOST_PERMANENT,
    SALES_HOST_UNKNOWN,
    SALES_HOST_NO_SPACE,
    SALES_HOST_CANCELLED,
    SALES_ERR_INTERNAL,
    SALES_ERR_POISONED,
);

/// The name of a status as in the header, or `None` for a number that is not in the list.
pub fn name(status: i32) -> Option<&'static str> {
    ALL.iter().find(|(number, _)| *number == status).map(|(_, name)| *name)
}
