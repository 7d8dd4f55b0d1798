//! Lists come in pages: each page goes on where the one before ended, and together they are the whole.

use sales::engine::Engine;
use sales::error::Result;
use sales::market::Id;

/// Entries of a page.
const PAGE: usize = 3;

/// All ids of a list, read page by page. Ends also where a page brings nothing new.
fn ids<T>(page: impl Fn(Option<Id>) -> Result<Vec<T>>, id: impl Fn(&T) -> Id, most: usize) -> Result<Vec<Id>> {
    let mut all: Vec<Id> = Vec::new();
    loop {
        let next = page(all.last().copied())?;
        all.extend(next.iter().map(&id));
        if next.len() < PAGE || all.len() > most {
            return Ok(all);
        }
    }
}

/// Holds the pages of each list against the whole of it.
pub fn check(engine: &Engine) -> std::result::Result<(), String> {
    let told = |error: sales::error::Error| format!("S8: a page is answered {error}");
    let whole: Vec<Id> = engine.sales(None, usize::MAX).map_err(told)?.iter().map(|(sale, _)| sale.slot).collect();
    let paged = ids(|after| engine.sales(after, PAGE), |(sale, _)| sale.slot, whole.len()).map_err(told)?;
    if whole != paged {
        return Err(format!("lists: the sales are {whole:?}, in pages {paged:?}"));
    }
    let offers: Vec<Id> = engine.offers(None, usize::MAX).map_err(told)?.iter().map(|offer| offer.id).collect();
    let paged = ids(|after| engine.offers(after, PAGE), |offer| offer.id, offers.len()).map_err(told)?;
    if offers != paged {
        return Err(format!("lists: the offers are {offers:?}, in pages {paged:?}"));
    }
    for of in std::iter::once(None).chain(offers.into_iter().map(Some)) {
        let views = engine.reservations(None, None, usize::MAX).map_err(told)?;
        let wanted =
            |of: Option<Id>| views.iter().filter(move |view| of.is_none() || view.record.of.map(|of| of.offer) == of);
        let whole: Vec<Id> = wanted(of).map(|view| view.slot).collect();
        let paged = ids(|after| engine.reservations(of, after, PAGE), |view| view.slot, whole.len()).map_err(told)?;
        if whole != paged {
            return Err(format!("lists: the reservations of {of:?} are {whole:?}, in pages {paged:?}"));
        }
    }
    Ok(())
}
