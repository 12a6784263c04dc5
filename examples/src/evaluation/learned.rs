use std::path::Path;

use burn::tensor::Device;
use rec_cf::Recommender;
use rec_core::{Interests, VectorTable};
use rec_data::{History, IdMap, Interaction};
use rec_interest::{LearnedUserEncoder, TrainedUserEncoder, UserEncoder};

use crate::Error;

/// A learned model of users and the vectors of the items that it was trained with, as a recommender among others.
#[derive(Debug)]
pub struct Learned {
    /// In the order of the model's items.
    items: IdMap,
    table: VectorTable,
    user: TrainedUserEncoder,
    /// The row of each of the items in the table.
    rows: Vec<usize>,
}

const ITEMS: &str = "items.safetensors";
const USER: &str = "user.safetensors";

impl Learned {
    /// Writes the two files of a model.
    ///
    /// # Errors
    ///
    /// One of them cannot be written.
    pub fn save(folder: &Path, items: &VectorTable, user: &TrainedUserEncoder) -> Result<(), Error> {
        items.save(folder.join(ITEMS))?;
        Ok(user.save(folder.join(USER))?)
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    ///
    /// A file is missing or damaged, or the two do not belong together.
    pub fn read(folder: &Path, device: &Device) -> Result<(VectorTable, TrainedUserEncoder), Error> {
        let user = TrainedUserEncoder::load(folder.join(USER), device)?;
        Ok((VectorTable::load(folder.join(ITEMS))?.expect_space(user.items())?, user))
    }

    /// The model of a folder, for the items of a data set.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), an item of the data set has no vector, or the model asks when events were, which a history of rows does
    /// not tell.
    pub fn load(folder: &Path, items: IdMap, device: &Device) -> Result<Self, Error> {
        let (table, user) = Self::read(folder, device)?;
        if let LearnedUserEncoder::SasRec(model) = user.model()
            && model.config().n_time_buckets > 0
        {
            return Err(format!("{}: the model asks for times between events", folder.display()).into());
        }
        let row = |id: &rec_data::Id| {
            let missing = || format!("{}: item `{id}` has no vector", folder.join(ITEMS).display());
            table.ids().row(id.as_str()).ok_or_else(missing)
        };
        let rows = items.iter().map(row).collect::<Result<_, _>>()?;
        Ok(Self { items, table, user, rows })
    }

    fn interest(&self, history: &[(usize, f32)]) -> Interests {
        let event = |(at, &(item, _)): (usize, &(usize, f32))| {
            self.items.id(item).map(|id| Interaction::new(id.clone(), at as f64))
        };
        // Times are places in the history, and so finite.
        let history = History::new(history.iter().enumerate().filter_map(event)).unwrap_or_default();
        self.user.interest(&self.table, &history)
    }
}

impl Recommender for Learned {
    fn items(&self) -> &IdMap {
        &self.items
    }

    fn scores(&self, history: &[(usize, f32)], out: &mut [f32]) {
        assert_eq!(out.len(), self.items.len(), "places for the scores, and items");
        if history.is_empty() {
            return out.fill(0.0);
        }
        let interests = self.interest(history);
        for (score, &row) in out.iter_mut().zip(&self.rows) {
            let item = self.table.row(row);
            let dot = |interest: &[f32]| interest.iter().zip(&*item).map(|(u, x)| u * x).sum::<f32>();
            *score = interests.iter().map(dot).fold(f32::NEG_INFINITY, f32::max);
        }
    }
}
