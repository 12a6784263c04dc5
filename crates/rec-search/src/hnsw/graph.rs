//! Links, layer by layer.

/// The links of every row in every layer that it is in.
#[derive(Debug, Clone)]
pub(super) struct Graph {
    pub(super) m: usize,
    /// The row where all walks begin: it is in every layer.
    pub(super) entry: u32,
    /// The highest layer of each row.
    pub(super) levels: Vec<u8>,
    /// `2 m + 1` numbers a row: how many links it has in layer 0, and then those.
    lowest: Vec<u32>,
    /// Where the links of a row in layer 1 begin in `upper`.
    starts: Vec<u32>,
    /// `m + 1` numbers for each row and layer above the lowest.
    upper: Vec<u32>,
}

impl Graph {
    /// A graph without links; `entry` must be of the highest level.
    pub(super) fn new(m: usize, entry: u32, levels: Vec<u8>) -> Self {
        let mut end = 0;
        let starts = levels
            .iter()
            .map(|&level| {
                let start = end;
                end += u32::from(level);
                start
            })
            .collect();
        let lowest = vec![0; levels.len() * (2 * m + 1)];
        Self { m, entry, levels, lowest, starts, upper: vec![0; end as usize * (m + 1)] }
    }

    /// The most links that a row may have in a layer.
    pub(super) fn most(&self, layer: usize) -> usize {
        if layer == 0 { 2 * self.m } else { self.m }
    }

    pub(super) fn links(&self, row: u32, layer: usize) -> &[u32] {
        let slot = self.slot(row, layer);
        let links = if layer == 0 { &self.lowest[slot] } else { &self.upper[slot] };
        &links[1..=links[0] as usize]
    }

    pub(super) fn set_links(&mut self, row: u32, layer: usize, new: impl ExactSizeIterator<Item = u32>) {
        let slot = self.slot(row, layer);
        let links = if layer == 0 { &mut self.lowest[slot] } else { &mut self.upper[slot] };
        links[0] = new.len() as u32;
        for (link, new) in links[1..].iter_mut().zip(new) {
            *link = new;
        }
    }

    fn slot(&self, row: u32, layer: usize) -> std::ops::Range<usize> {
        let width = self.most(layer) + 1;
        let number = if layer == 0 { row as usize } else { self.starts[row as usize] as usize + layer - 1 };
        number * width..(number + 1) * width
    }

    /// Whether a walk for `ef` rows, of which only `allowed` count, scores more rows than there are allowed ones.
    ///
    /// It expands about `ef` times the inverse of the share that is allowed, and scores about half of the links each time.
    pub(super) fn walk_costs_more(&self, ef: usize, allowed: usize) -> bool {
        let walked = (ef * self.m) as f64 * self.levels.len() as f64 / allowed as f64;
        walked > allowed as f64
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.levels[..])
            + size_of_val(&self.lowest[..])
            + size_of_val(&self.starts[..])
            + size_of_val(&self.upper[..])
    }
}
