//! MovieLens 100K: films with titles as people say them, ratings, and the texts that models read.

use std::path::Path;

use rec_core::VectorTable;
use rec_data::{Catalogue, InteractionFields, Interactions, Signal, atomic};
use rec_encoder::TextEncoder;
use rec_text::Template;

use crate::items::ItemTexts;
use crate::{Error, titles};

/// The films, and who rated them.
#[derive(Debug)]
pub struct Films {
    /// Titles, years and genres.
    pub catalogue: Catalogue,
    /// Stars from 1 to 5, as weights.
    pub ratings: Interactions,
}

impl Films {
    /// Reads `ml-100k.item` and `ml-100k.inter`.
    ///
    /// # Errors
    ///
    /// A file is malformed, or missing: then the error says how to get it.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let file = |name: &str| folder.join(name);
        if !file("ml-100k.item").is_file() {
            let folder = folder.display();
            return Err(
                format!("no ml-100k.item in {folder}; `scripts/fetch ml-100k` brings the data set").into()
            );
        }
        let catalogue = atomic::read_catalogue(file("ml-100k.item"))?.with_text_columns(["movie_title"])?;
        let ratings = atomic::read_interactions(file("ml-100k.inter"), &InteractionFields::default())?;
        Ok(Self { catalogue, ratings })
    }

    /// The ratings as interactions that all count alike; equal times stand in the order of the file. This is the protocol of the
    /// published numbers.
    ///
    /// # Errors
    ///
    /// None that data could cause.
    pub fn interactions(&self) -> Result<Interactions, Error> {
        let events = self.ratings.iter().flat_map(|(user, history)| {
            history.interactions().iter().map(move |rating| (user, rating.clone().with_weight(1.0)))
        });
        Ok(Interactions::new(events)?)
    }
}

/// The films' vectors, from the file if it is there. Vectors of another model are an error, because spaces do not mix.
///
/// # Errors
///
/// As [`ItemTexts::vectors`].
pub fn vectors(encoder: &TextEncoder, films: &Catalogue, file: Option<&Path>) -> Result<VectorTable, Error> {
    let template = Template::parse("{movie_title}[ ({release_year})][. {class}]")?;
    let texts = ItemTexts::with_renderer(films, template, |template, film| {
        template.render_with(|field| match (field, film.get(field)) {
            ("movie_title", Some(title)) => Some(titles::natural(&title.to_string())),
            (_, value) => value.map(|value| value.to_string()),
        })
    });
    texts.vectors(encoder, file)
}

/// The stars of a rating; an event is worth three.
#[must_use]
pub fn stars(signal: &Signal) -> f32 {
    match signal {
        Signal::Weight(rating) => *rating,
        Signal::Event(_) => 3.0,
    }
}

/// The title of a film as people say it.
#[must_use]
pub fn title(films: &Catalogue, id: &str) -> String {
    let title = films.get(id).and_then(|film| film.get("movie_title")).map(|title| title.to_string());
    title.map_or_else(|| format!("film {id}"), |title| titles::natural(&title))
}

/// The genres of a film.
#[must_use]
pub fn genres(films: &Catalogue, id: &str) -> String {
    films.get(id).and_then(|film| film.get("class")).map_or(String::new(), |genres| genres.to_string())
}
