//! Where the stores of a run lie: in memory where the machine has a file system there, for a sync costs nothing on it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A directory of its own, which goes with the run.
pub struct Dir(PathBuf);

impl Dir {
    pub fn new(what: &str) -> Dir {
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = base.join(format!("sales-fuzz-{what}-{}-{number}", std::process::id()));
        std::fs::create_dir(&dir).expect("a directory of its own");
        Dir(dir)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
