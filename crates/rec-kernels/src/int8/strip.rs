/// All rows of the left side, and some columns of the right one: what a kernel multiplies at a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Strip<'a> {
    pub(super) n_rows: usize,
    /// `[n_rows, n_words]`: the codes of the rows.
    pub(super) words: &'a [i32],
    pub(super) n_words: usize,
    /// One a row.
    pub(super) row_scales: &'a [f32],
    /// `[n_words, width, group]`: the codes of the columns.
    pub(super) codes: &'a [i8],
    /// What sums begin with, one a column.
    pub(super) starts: &'a [i32],
    /// One a column.
    pub(super) scales: &'a [f32],
}

/// Where a strip's product goes: row-major, `columns` values every `stride`; the strip may have more.
#[derive(Debug)]
pub(super) struct Target<'a> {
    pub(super) values: &'a mut [f32],
    pub(super) stride: usize,
    pub(super) columns: usize,
}
