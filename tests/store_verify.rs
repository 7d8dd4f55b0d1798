//! A store is verified without mapping it: a good one is clean, and a damage is named.

mod store_common;

use sales::damage::{Damage, Kind};
use sales::status::*;
use sales::verify::Report;
use std::fs;
use store_common::*;

fn verify(place: &Place) -> (Report, Vec<Damage>) {
    let mut damages = Vec::new();
    let report = sales::verify::offline(&place.dir, &mut |damage| damages.push(damage.clone())).expect("verified");
    assert_eq!(report.damages, damages.len() as u64);
    (report, damages)
}

#[test]
fn pages_of_good_stores_are_clean() {
    for commits in [0, 1, 30, 300] {
        let place = Place::with_commits(commits);
        drop(place.open().unwrap());
        let (_, damages) = verify(&place);
        // What these tests write are no records.
        let pages: Vec<_> = damages.iter().filter(|damage| matches!(damage.kind, Kind::File | Kind::Page)).collect();
        assert!(pages.is_empty(), "{commits} commits: {pages:?}");
    }
}

#[test]
fn a_damaged_page_is_named_and_an_open_with_verification_refused() {
    let place = Place::with_commits(0);
    drop(place.open().unwrap());
    assert_eq!(verify(&place).1, []);
    let mut whole = fs::read(place.file("data.mdb")).unwrap();
    let page = whole.chunks(4096).skip(2).position(|page| page[10] == 2).expect("a leaf") + 2;
    whole[page * 4096 + 12] ^= 8;
    fs::write(place.file("data.mdb"), &whole).unwrap();
    let (report, damages) = verify(&place);
    assert!(damages.iter().any(|damage| damage.kind == Kind::Page && damage.page == page as u64), "{damages:?}");
    assert_eq!(report.error.expect("damaged").status, SALES_ERR_STORE_DAMAGED);
    refused(sales::verify::open(&place.dir, false, &mut |_| {}), SALES_ERR_STORE_DAMAGED);
}
