//! Ids, against all requests recorded from the real marketplace contract (tests/data/requests.json).

use sales::market::{parse_u256, slot_id, Ask, Id, Request, U256};
use serde_json::Value;

fn recorded() -> Vec<Value> {
    let text = include_str!("data/requests.json");
    let all: Value = serde_json::from_str(text).expect("the record is JSON");
    all["requests"].as_array().expect("it lists requests").clone()
}

fn bytes(value: &Value) -> Vec<u8> {
    let hex = value.as_str().and_then(|text| text.strip_prefix("0x")).expect("0x...");
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect()
}

fn fixed<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().expect("of that length")
}

fn big(value: &Value) -> U256 {
    parse_u256(value.as_str().expect("decimal text")).expect("a number")
}

fn number(value: &Value) -> u64 {
    value.as_str().expect("decimal text").parse().expect("64 bits")
}

fn request(value: &Value) -> Request {
    let (ask, content) = (&value["ask"], &value["content"]);
    Request {
        client: fixed(&value["client"]),
        proof_probability: big(&ask["proofProbability"]),
        price_per_byte_per_second: big(&ask["pricePerBytePerSecond"]),
        collateral_per_byte: big(&ask["collateralPerByte"]),
        slots: number(&ask["slots"]),
        slot_size: number(&ask["slotSize"]),
        duration: number(&ask["duration"]),
        max_slot_loss: number(&ask["maxSlotLoss"]),
        expiry: number(&value["expiry"]),
        cid: bytes(&content["cid"]),
        merkle_root: fixed(&content["merkleRoot"]),
        nonce: fixed(&value["nonce"]),
    }
}

#[test]
fn every_recorded_request_has_the_contracts_encoding_and_id() {
    let all = recorded();
    assert_eq!(all.len(), 54);
    for record in &all {
        let request = request(&record["request"]);
        assert_eq!(request.abi_encode(), bytes(&record["abiEncodedRequest"]), "{}", record["label"]);
        assert_eq!(request.id(), Id(fixed(&record["requestId"])), "{}", record["label"]);
    }
}

#[test]
fn every_recorded_slot_has_the_contracts_id() {
    let mut compared = 0;
    for record in &recorded() {
        let id = Id(fixed(&record["requestId"]));
        for slot in record["slotIds"].as_array().expect("slot ids") {
            let index = number(&slot["slotIndex"]);
            assert_eq!(slot_id(&id, index), Id(fixed(&slot["slotId"])), "{} slot {index}", record["label"]);
            compared += 1;
        }
    }
    assert!(compared >= 54, "only {compared} slot ids were compared");
}

#[test]
fn prices_and_collateral_are_the_contracts() {
    for record in &recorded() {
        let request = request(&record["request"]);
        let ask = Ask {
            request_id: request.id(),
            proof_probability: request.proof_probability,
            price_per_byte_per_second: request.price_per_byte_per_second,
            collateral_per_byte: request.collateral_per_byte,
            slots: request.slots,
            slot_size: request.slot_size,
            duration: request.duration,
            max_slot_loss: request.max_slot_loss,
            expires_at: 0,
            ends_at: 0,
            request: None,
        };
        let (label, slots) = (&record["label"], U256::from(request.slots));
        assert_eq!(
            ask.price_per_slot().and_then(|price| price.checked_mul(slots)),
            Some(big(&record["maxPrice"])),
            "{label}"
        );
        // The contract multiplies unchecked by nobody: where the product does not fit, filling panics, and we refuse by name.
        match record["collateralPerSlot"].as_str().and_then(|text| parse_u256(text).ok()) {
            Some(collateral) => assert_eq!(ask.collateral_per_slot(), Some(collateral), "{label}"),
            None => assert_eq!(ask.collateral_per_slot(), None, "{label}"),
        }
        assert_eq!(Ask::decode(&ask.encode()), Ok(ask.clone()), "{label}");
        let whole = Ask { request: Some(request), ..ask };
        assert_eq!(Ask::decode(&whole.encode()), Ok(whole.clone()), "{label}");
    }
}
