//! The texts of a catalogue's items, and their vectors.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;

use rec_core::VectorTable;
use rec_data::{Catalogue, Id, Item, Values};
use rec_encoder::TextEncoder;
use rec_text::{Analyzer, Cleaner, Language, Template, TermStatistics, TfIdf, term_shingles};

use crate::Error;
use crate::evaluation::bar;

/// The cleaned texts of the items of a catalogue.
#[derive(Debug)]
pub struct ItemTexts {
    template: Template,
    cleaner: Cleaner,
    texts: Vec<(Id, String)>,
}

impl ItemTexts {
    /// Renders every item by this template, or by one of all its text columns in order, and cleans what comes out as titles
    /// are cleaned.
    ///
    /// # Errors
    ///
    /// The template has a field that the catalogue has not, or there is no text column.
    pub fn new(catalogue: &Catalogue, template: Option<Template>) -> Result<Self, Error> {
        let columns = catalogue.columns();
        let template = match template {
            Some(template) => template,
            None => {
                let is_text = |values: &Values| matches!(values, Values::Token(_) | Values::TokenSeq(_));
                let texts = columns.iter().filter(|column| is_text(&column.values));
                Template::concatenated(texts.map(|column| &*column.name))?
            }
        };
        if let Some(unknown) =
            template.fields().find(|field| columns.iter().all(|column| *column.name != **field))
        {
            return Err(format!("template \"{template}\": the items have no field `{unknown}`").into());
        }
        if template.fields().next().is_none() {
            return Err("the items have no text".into());
        }
        Ok(Self::with_renderer(catalogue, template, |template, item| template.render(item)))
    }

    /// The same where `render` says how the template is filled in.
    #[must_use]
    pub fn with_renderer(
        catalogue: &Catalogue,
        template: Template,
        render: impl Fn(&Template, &Item<'_>) -> String,
    ) -> Self {
        let cleaner = Cleaner::titles();
        let text =
            |item: Item<'_>| (item.id().clone(), cleaner.clean(&render(&template, &item)).into_owned());
        let texts = catalogue.iter().map(text).collect();
        Self { template, cleaner, texts }
    }

    /// The template.
    #[must_use]
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// The words of each item and the pairs of words that follow each other, as far as at least two items have them: their number,
    /// and for each item, in order, the number of a term and its TF-IDF weight.
    ///
    /// # Errors
    ///
    /// There are more items or terms than `u32` counts.
    #[expect(clippy::type_complexity, reason = "what a bag of terms is made of")]
    pub fn terms(&self) -> Result<(usize, Vec<Vec<(u32, f32)>>), Error> {
        let analyzer = Analyzer::new(Language::ENGLISH);
        let documents = self.texts.iter().map(|(id, text)| {
            let mut terms = analyzer.terms(text);
            let pairs = if terms.len() > 1 { term_shingles(&terms, 2) } else { Vec::new() };
            terms.extend(pairs);
            (id.clone(), terms)
        });
        let statistics = TermStatistics::from_documents(documents)?;
        let shared = statistics.terms().filter(|term| statistics.document_frequency(term) > 1);
        let numbers: HashMap<&str, u32> = shared.zip(0..).collect();
        let of_item = |item| {
            let weights = statistics.weights(item, TfIdf::default()).into_iter();
            weights.filter_map(|(term, weight)| Some((*numbers.get(term)?, weight))).collect()
        };
        Ok((numbers.len(), (0..self.texts.len()).map(of_item).collect()))
    }

    /// The vectors of the items, with the model's own prompt for passages before each text.
    ///
    /// They come from the file if it is there; else they are encoded, with a progress bar, and the file is written.
    ///
    /// # Errors
    ///
    /// The file holds vectors of another model, of other items, or of other texts; or encoding fails.
    pub fn vectors(&self, encoder: &TextEncoder, file: Option<&Path>) -> Result<VectorTable, Error> {
        let template = self.template.clone().with_prompt(encoder.prompt("passage").unwrap_or_default());
        let template = template.to_string();
        if let Some(path) = file.filter(|path| path.exists()) {
            let table = VectorTable::load(path)?.expect_space(encoder.space())?;
            let made_by = table.provenance().get("template");
            if made_by != Some(&template) || !table.ids().iter().eq(self.texts.iter().map(|(id, _)| id)) {
                return Err(
                    format!("{}: vectors of other items or of another template", path.display()).into()
                );
            }
            return Ok(table);
        }
        let bar = bar("encoding items", self.texts.len())?;
        let prompt = encoder.prompt("passage").unwrap_or_default();
        let texts = self.texts.iter().map(|(id, text)| (id, format!("{prompt}{text}")));
        let table = encoder.embed_with(texts, |progress| {
            bar.set_position(progress.n_texts as u64);
            ControlFlow::Continue(())
        })?;
        bar.finish_and_clear();
        let table =
            table.with_provenance("template", template).with_provenance("cleaner", self.cleaner.describe());
        if let Some(path) = file {
            table.save(path)?;
        }
        Ok(table)
    }
}

/// The texts, in the order of the catalogue.
impl IntoIterator for ItemTexts {
    type Item = (Id, String);
    type IntoIter = std::vec::IntoIter<(Id, String)>;

    fn into_iter(self) -> Self::IntoIter {
        self.texts.into_iter()
    }
}
