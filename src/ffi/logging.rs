//! Where log lines go: the `log` crate's one logger of the process, which hands them to the host's function.

use super::types::sales_log_fn;
use crate::error::{Error, Result};
use crate::status::*;
use crate::sync::RwLock;
use log::{LevelFilter, Log, Metadata, Record};
use once_cell::sync::OnceCell;
use std::cell::Cell;
use std::ffi::{c_void, CString};
use std::sync::{Arc, PoisonError};

struct Sink {
    function: unsafe extern "C" fn(*mut c_void, u32, *const std::ffi::c_char, *const std::ffi::c_char),
    user_data: *mut c_void,
}

// SAFETY: the header says that the function is called from any thread, with the pointer it was given, which this library never follows.
unsafe impl Send for Sink {}
// SAFETY: as above.
unsafe impl Sync for Sink {}

#[derive(Default)]
struct HostLog(RwLock<Option<Arc<Sink>>>);

static LOG: OnceCell<&'static HostLog> = OnceCell::new();

thread_local! {
    static LOGGING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is inside a log callback, which may not call in.
pub(super) fn is_logging() -> bool {
    LOGGING.get()
}

impl Log for HostLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        let sink = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(sink) = sink.filter(|_| !LOGGING.get()) else { return };
        let clean = |text: String| CString::new(text.replace('\0', " ")).unwrap_or_default();
        let (target, text) = (clean(record.target().to_string()), clean(record.args().to_string()));
        LOGGING.set(true);
        // SAFETY: the header asks for a function that may be called from any thread; the strings live until it returns.
        unsafe { (sink.function)(sink.user_data, record.level() as u32, target.as_ptr(), text.as_ptr()) };
        LOGGING.set(false);
    }

    fn flush(&self) {}
}

/// sales_set_log.
pub(super) fn set(function: sales_log_fn, user_data: *mut c_void, level: u32) -> Result<i32> {
    let levels = [
        LevelFilter::Off,
        LevelFilter::Error,
        LevelFilter::Warn,
        LevelFilter::Info,
        LevelFilter::Debug,
        LevelFilter::Trace,
    ];
    let Some(filter) = levels.get(level as usize) else {
        return Err(Error::new(
            SALES_ERR_ARGUMENT,
            format!("level: {level} is none of SALES_LOG_OFF (0) to SALES_LOG_TRACE (5)"),
        ));
    };
    if is_logging() {
        return Err(Error::new(SALES_ERR_IN_CALLBACK, "sales_set_log may not be called from a log callback"));
    }
    let ours = LOG.get_or_try_init(|| {
        let host: &'static HostLog = Box::leak(Box::default());
        log::set_logger(host).map(|()| host)
    });
    let Ok(ours) = ours else { return Ok(SALES_HOST_LOGGER) };
    let sink = function.map(|function| Arc::new(Sink { function, user_data }));
    log::set_max_level(if sink.is_some() { *filter } else { LevelFilter::Off });
    *ours.0.write().unwrap_or_else(PoisonError::into_inner) = sink;
    Ok(SALES_OK)
}
