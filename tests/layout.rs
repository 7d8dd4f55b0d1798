//! The layout of every public struct, as C sees it and as Rust does: sizes, alignments, offsets, and no hidden gaps.
#![allow(missing_docs)]

use sales::ffi::types::*;
use std::collections::BTreeMap;
use std::mem::{align_of, offset_of, size_of};
use std::path::{Path, PathBuf};
use std::process::Command;

/// `struct` or `struct.field`, and its size with its alignment or its offset.
type Layout = BTreeMap<String, (usize, usize)>;

fn field_size<T, F>(_: fn(&T) -> &F) -> usize {
    size_of::<F>()
}

macro_rules! layout {
    ($out:ident, $($name:ident { $($field:ident),* $(,)? })*) => {
        $(
            $out.insert(stringify!($name).to_string(), (size_of::<$name>(), align_of::<$name>()));
            $(
                let place = (field_size(|s: &$name| &s.$field), offset_of!($name, $field));
                $out.insert(format!("{}.{}", stringify!($name), stringify!($field)), place);
            )*
        )*
    };
}

fn rust_layout() -> Layout {
    let mut out = Layout::new();
    layout! { out,
        sales_options_t { size, flags, seed, max_attempts, queue_limit, history_limit, reserved }
        sales_error_t { size, status, text }
        sales_id_t { bytes }
        sales_op_t { size, kind, token, id, attempt, reserved, store_id, store_seq, deadline, slot_id }
        sales_repo_total_t { size, reserved0, bytes, store_id, store_seq }
        sales_repo_t { size, reserved0, user_data, available, reserve, release, reserved, consume }
        sales_address_t { bytes }
        sales_u256_t { be }
        sales_bytes_t { data, len }
        sales_request_t {
            size, client, proof_probability, price_per_byte_per_second, collateral_per_byte, slots,
            slot_size, duration, max_slot_loss, expiry, cid, merkle_root, nonce,
        }
        sales_slot_t { size, reserved, slot_id, request_id, index, request }
        sales_chain_t {
            size, reserved0, user_data, fill_slot, reserve_slot, free_slot, submit_proof, read_slot,
            read_challenge, read_request, read_my_slots,
        }
        sales_challenge_t { size, required, will_be_required, pointer, reserved, period, challenge }
        sales_content_t { size, reserved0, user_data, store, prove, keep, clear, verify, cancel }
        sales_event_t {
            size, kind, number, time, token, slot_id, request_id, index, status, state, bytes, text,
        }
        sales_watch_t { size, reserved0, user_data, on_event, on_deadline }
        sales_market_t {
            size, proof_downtime, repair_reward_percentage, max_reservations, reserved, period,
            proof_timeout, duration_limit,
        }
        sales_reservation_t {
            size, flags, slot_id, offer_id, request_id, index, bytes, held, consumed, releasing, consuming,
            until, collateral,
        }
        sales_offer_t {
            size, flags, id, total_size, min_duration, max_duration, min_slot_size, max_slot_size, until,
            min_price_per_byte_per_second, total_collateral, max_slots_per_request, reserved, free_size,
            sold_slots, sold_until, free_collateral,
        }
        sales_at_t { size, flags, block, time, log_index }
        sales_ask_t {
            size, reserved, request_id, proof_probability, price_per_byte_per_second, collateral_per_byte,
            slots, slot_size, duration, max_slot_loss, expires_at, ends_at, request,
        }
        sales_reason_t { size, rule, offer_id, asked, required, text }
        sales_slot_view_t {
            size, request_state, slot_state, is_mine, reserved, expires_at, ends_at, block, collateral,
        }
        sales_result_t {
            size, status, text, proof, view, challenge, request, bytes, slots, slots_len, slots_item_size,
        }
        sales_sale_t {
            size, state, slot_id, request_id, offer_id, index, bytes, since, next_at, until, last_status,
            attempt, flags, reserved, last_text,
        }
        sales_stats_t {
            size, phase, held, consumed, releasing, reserving, owed, surplus, shortfall, in_doubt,
            reservations, sales, queued, attempts, pending_ops, surplus_released, shortfall_reserved,
            records_settled, last_block, clock_steps_back, next_deadline, store_seq, store_id, last_event,
            requests_refused, slots_sold,
        }
        sales_damage_t { size, kind, page, pages, id, text }
        sales_verify_t {
            size, reserved, damages, damaged_pages, pages, free_pages, file_bytes, records, store_seq, store_id,
            reservations, held, consumed, releasing,
        }
    }
    out
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e} (apt-get install gcc)"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("what the program prints is text")
}

fn c_layout() -> Layout {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let program = dir.path().join("layout");
    let source = root().join("tests/c/layout.c");
    let include = root().join("include");
    run(Command::new("gcc").args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-I"]).args([
        include.as_path(),
        source.as_path(),
        Path::new("-o"),
        program.as_path(),
    ]));
    let text = run(&mut Command::new(&program));
    let line = |line: &str| {
        let mut words = line.split(' ');
        let name = words.next()?.to_string();
        let mut number = || words.next()?.parse().ok();
        Some((name, (number()?, number()?)))
    };
    text.lines().map(|l| line(l).unwrap_or_else(|| panic!("not a layout: {l}"))).collect()
}

#[test]
fn c_and_rust_agree_on_every_struct() {
    let (c, rust) = (c_layout(), rust_layout());
    for (name, place) in &c {
        assert_eq!(Some(place), rust.get(name), "{name}: (size, offset or alignment) in C, and in Rust");
    }
    assert_eq!(c.len(), rust.len(), "both sides list the same fields");
}

#[test]
fn no_struct_has_hidden_gaps() {
    let layout = c_layout();
    for (name, &(size, _)) in layout.iter().filter(|(name, _)| !name.contains('.')) {
        let prefix = format!("{name}.");
        let mut fields: Vec<_> = layout.iter().filter(|(field, _)| field.starts_with(&prefix)).collect();
        fields.sort_by_key(|(_, &(_, offset))| offset);
        let mut end = 0;
        for (field, &(size, offset)) in fields {
            assert_eq!(end, offset, "{field} begins where the field before it ends");
            end = offset + size;
        }
        assert_eq!(end, size, "{name} ends with its last field");
    }
}

#[test]
fn every_struct_of_the_header_is_listed() {
    let header = std::fs::read_to_string(root().join("include/sales.h")).expect("the header is there");
    let layout = rust_layout();
    let names: Vec<_> =
        header.lines().filter_map(|line| line.strip_prefix("typedef struct ")?.strip_suffix(" {")).collect();
    for name in &names {
        assert!(layout.contains_key(*name), "{name} is in the header, but not in this test");
    }
    assert_eq!(names.len(), layout.keys().filter(|name| !name.contains('.')).count());
}
