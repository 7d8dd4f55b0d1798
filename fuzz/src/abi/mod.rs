//! Sequences of calls of the ABI, with any arguments, by a host whose callbacks answer anything and call in (S8); and where the host's repo
//! is honest, exact books at the end (S1).
#![allow(unsafe_code)]

mod answers;
mod arguments;
mod calls;
mod end;
mod exports;
mod host;
mod memory;
pub mod sample;

use super::input::Input;
use super::place;
use host::{Host, Repo, State};
use std::os::unix::ffi::OsStrExt;
use std::sync::Mutex;

/// One input: how the host is, and what it calls.
pub fn run(data: &[u8]) {
    let dir = place::Dir::new("abi");
    let mut input = Input::new(data);
    let (how, tables) = (input.u8(), input.array::<4>());
    let host = Host(Mutex::new(State {
        input,
        now: 1_000,
        sales: 0,
        stale: Vec::new(),
        out: Vec::new(),
        old_tokens: Vec::new(),
        repo: Repo { capacity: 5_000, ..Repo::default() },
        honest: how & 1 == 0,
        calm: false,
        offers: Vec::new(),
        requests: 0,
        dir: dir.path().join("store").as_os_str().as_bytes().to_vec(),
        elsewhere: false,
        calls: 0,
    }));
    end::ready(&host, tables, how & 2 == 0);
    if how & 4 == 0 {
        // Unless a callback has closed the instance.
        let sales = host.state().sales;
        answers::known(sample::offer(sales));
    }
    while !host.with(|input| input.is_spent()) && host.state().calls < 300 {
        calls::one(&host);
    }
    end::settle(&host, tables);
}
