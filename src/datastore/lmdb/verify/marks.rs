//! Which pages were seen: runs of numbers, so that it never needs more room than what was read to fill it.

use std::collections::BTreeMap;

/// Pages seen: the first of each run, and the first behind it.
#[derive(Debug, Default)]
pub struct Marks(BTreeMap<u64, u64>);

impl Marks {
    /// Marks `count` pages from `first` on. Where one of them is marked already, it is answered, and nothing is marked.
    pub fn add(&mut self, first: u64, count: u64) -> Result<(), u64> {
        let Some(end) = first.checked_add(count).filter(|_| count > 0) else { return Err(first) };
        let before = self.0.range(..end).next_back().map(|(start, behind)| (*start, *behind));
        let (mut start, mut behind) = (first, end);
        if let Some((run, run_end)) = before {
            if run_end > first {
                return Err(run.max(first));
            }
            if run_end == first {
                start = run;
            }
        }
        if let Some(next_end) = self.0.remove(&end) {
            behind = next_end;
        }
        self.0.insert(start, behind);
        Ok(())
    }

    /// Calls for each run of pages from `first` to `last` that is not marked: its first, and how many.
    pub fn gaps(&self, first: u64, last: u64, mut gap: impl FnMut(u64, u64)) {
        let mut from = first;
        for (start, behind) in self.0.range(..=last) {
            if *start > from {
                gap(from, start.saturating_sub(from));
            }
            from = from.max(*behind);
        }
        if from <= last {
            gap(from, last.saturating_sub(from).saturating_add(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Marks;
    use std::collections::BTreeSet;

    #[test]
    fn marks_are_a_set_of_pages() {
        let mut random = 7u64;
        let mut next = |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % below
        };
        for _ in 0..200 {
            let (mut marks, mut set) = (Marks::default(), BTreeSet::new());
            for _ in 0..60 {
                let (first, count) = (2 + next(100), 1 + next(4));
                let there = (first..first + count).find(|page| set.contains(page));
                // Of several that are there already, any may be named.
                match marks.add(first, count) {
                    Ok(()) => assert_eq!(there, None),
                    Err(page) => assert!(there.is_some() && set.contains(&page)),
                }
                if there.is_none() {
                    set.extend(first..first + count);
                }
                let mut missing = Vec::new();
                marks.gaps(2, 90, |first, count| missing.extend(first..first + count));
                assert_eq!(missing, (2..=90).filter(|page| !set.contains(page)).collect::<Vec<_>>());
            }
        }
        assert_eq!(Marks::default().add(u64::MAX, 2), Err(u64::MAX));
    }
}
