//! What the charts draw with: a white page, text, lines and markers in pixels.

use std::io::{self, Write as _};
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::FontTransform;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::atomic_file::AtomicFile;
use crate::error::{Error, Kind};

pub(super) const TEXT: RGBColor = RGBColor(0x22, 0x22, 0x22);
pub(super) const GRID: RGBColor = RGBColor(0xDD, 0xDD, 0xDD);
pub(super) const WHITE_PAGE: RGBColor = RGBColor(0xFF, 0xFF, 0xFF);

pub(super) const TITLE_SIZE: i32 = 22;
pub(super) const LABEL_SIZE: i32 = 15;
pub(super) const TICK_SIZE: i32 = 14;

/// Okabe and Ito, *Color Universal Design* (2008), the yellow last, because it is faint on white; grey stands for their black,
/// on which a line would not be seen.
const COLOURS: [RGBColor; 8] = [
    RGBColor(0x00, 0x72, 0xB2),
    RGBColor(0xE6, 0x9F, 0x00),
    RGBColor(0x00, 0x9E, 0x73),
    RGBColor(0xCC, 0x79, 0xA7),
    RGBColor(0x56, 0xB4, 0xE9),
    RGBColor(0xD5, 0x5E, 0x00),
    RGBColor(0x99, 0x99, 0x99),
    RGBColor(0xF0, 0xE4, 0x42),
];

/// The colour of the n-th method.
fn colour(n: usize) -> RGBColor {
    COLOURS[n % COLOURS.len()]
}

/// The colour of the bars of the n-th method: a quarter of the way to white, so that lines across them are seen.
pub(super) fn bar_colour(n: usize) -> RGBColor {
    let RGBColor(red, green, blue) = colour(n);
    let lighter = |part: u8| part + (u8::MAX - part) / 4;
    RGBColor(lighter(red), lighter(green), lighter(blue))
}

pub(super) type Drawn = Result<(), DrawingAreaErrorKind<io::Error>>;

/// Which point of a text stands at its position; vertically it is always the middle.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    Left,
    Centre,
    Right,
}

/// A page that is drawn on.
pub(super) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

/// Draws a page of so many pixels and writes it into a file.
pub(super) fn save(
    path: &Path,
    size: (i32, i32),
    draw: impl FnOnce(&Canvas<'_>) -> Drawn,
) -> Result<(), Error> {
    let mut svg = String::new();
    let canvas = Canvas {
        area: SVGBackend::with_string(&mut svg, (size.0.unsigned_abs(), size.1.unsigned_abs()))
            .into_drawing_area(),
    };
    let drawn =
        canvas.area.fill(&WHITE_PAGE).and_then(|()| draw(&canvas)).and_then(|()| canvas.area.present());
    drop(canvas);
    drawn.map_err(|error| {
        let (file, source) = (path.display().to_string(), io::Error::other(error.to_string()));
        Kind::Io { file, action: "draw the chart", source }
    })?;
    let mut file = AtomicFile::create(path)?;
    file.write(|out| out.write_all(svg.as_bytes()))?;
    file.finish()
}

impl Canvas<'_> {
    /// A line of text; what XML cannot hold is replaced.
    pub(super) fn text(&self, text: &str, at: (i32, i32), size: i32, anchor: Anchor) -> Drawn {
        self.styled_text(text, at, size, anchor, FontTransform::None)
    }

    /// A line of text that reads upwards, its middle at a position.
    pub(super) fn upward_text(&self, text: &str, at: (i32, i32), size: i32) -> Drawn {
        self.styled_text(text, at, size, Anchor::Centre, FontTransform::Rotate270)
    }

    fn styled_text(
        &self,
        text: &str,
        at: (i32, i32),
        size: i32,
        anchor: Anchor,
        transform: FontTransform,
    ) -> Drawn {
        let horizontal = match anchor {
            Anchor::Left => HPos::Left,
            Anchor::Centre => HPos::Center,
            Anchor::Right => HPos::Right,
        };
        let font = ("sans-serif", size).into_font().transform(transform);
        let style = TextStyle::from(font).color(&TEXT).pos(Pos::new(horizontal, VPos::Center));
        self.area.draw(&Text::new(printable(text), at, style))
    }

    pub(super) fn line(&self, points: &[(i32, i32)], colour: RGBColor, width: u32) -> Drawn {
        self.area.draw(&PathElement::new(points, colour.stroke_width(width)))
    }

    /// The line of the n-th curve.
    pub(super) fn curve(&self, n: usize, points: &[(i32, i32)]) -> Drawn {
        self.line(points, colour(n), 2)
    }

    pub(super) fn rectangle(&self, corners: [(i32, i32); 2], colour: RGBColor) -> Drawn {
        self.area.draw(&Rectangle::new(corners, colour.filled()))
    }

    /// A line from `low` to `high`, with caps.
    pub(super) fn horizontal_whisker(&self, (low, high): (i32, i32), y: i32) -> Drawn {
        self.line(&[(low, y), (high, y)], TEXT, 1)?;
        self.line(&[(low, y - 4), (low, y + 4)], TEXT, 1)?;
        self.line(&[(high, y - 4), (high, y + 4)], TEXT, 1)
    }

    /// A line from `low` to `high`, with caps.
    pub(super) fn vertical_whisker(&self, x: i32, (low, high): (i32, i32)) -> Drawn {
        self.line(&[(x, low), (x, high)], TEXT, 1)?;
        self.line(&[(x - 4, low), (x + 4, low)], TEXT, 1)?;
        self.line(&[(x - 4, high), (x + 4, high)], TEXT, 1)
    }

    /// The marker of the n-th method: when colours come again, shapes change.
    pub(super) fn marker(&self, n: usize, (x, y): (i32, i32)) -> Drawn {
        let polygon: &[(i32, i32)] = match n / COLOURS.len() % 4 {
            0 => {
                self.area.draw(&Circle::new((x, y), 6, colour(n).filled()))?;
                return self.area.draw(&Circle::new((x, y), 6, TEXT.stroke_width(1)));
            }
            1 => &[(-5, -5), (5, -5), (5, 5), (-5, 5), (-5, -5)],
            2 => &[(0, -7), (7, 5), (-7, 5), (0, -7)],
            _ => &[(0, -7), (7, 0), (0, 7), (-7, 0), (0, -7)],
        };
        let corners: Vec<(i32, i32)> = polygon.iter().map(|(dx, dy)| (x + dx, y + dy)).collect();
        self.area.draw(&Polygon::new(corners.clone(), colour(n)))?;
        self.line(&corners, TEXT, 1)
    }
}

/// About how many pixels a text takes; rather too many.
pub(super) fn width(text: &str, size: i32) -> i32 {
    let ems: f64 = text.chars().map(em).sum();
    (ems * f64::from(size)).ceil() as i32
}

/// Of a wide font without serifs, whose letters take 0.6 of the size and ideographs all of it; plotters divides sizes by 1.24.
fn em(c: char) -> f64 {
    if c.is_ascii() { 0.5 } else { 0.82 }
}

/// The text, or as much of its start as fits, with an ellipsis.
pub(super) fn fitted(text: &str, size: i32, max_width: i32) -> String {
    if width(text, size) <= max_width {
        return text.to_owned();
    }
    let mut room = f64::from(max_width) / f64::from(size) - em('…');
    let fits = |c: &char| {
        room -= em(*c);
        room >= 0.0
    };
    let start: String = text.chars().take_while(fits).collect();
    format!("{}…", start.trim_end())
}

fn printable(text: &str) -> String {
    let replace =
        |c: char| if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') { '\u{fffd}' } else { c };
    text.chars().map(replace).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_labels_are_cut_to_their_room() {
        assert_eq!(fitted("ndcg@10", 10, 60), "ndcg@10");
        assert_eq!(fitted("ndcg@10 of the newcomers", 10, 60), "ndcg@10 of…");
        assert!(width(&fitted(&"長".repeat(99), 10, 60), 10) <= 60);
        assert_eq!(fitted("ndcg", 10, 0), "…");
    }

    #[test]
    fn what_xml_cannot_hold_is_replaced() {
        assert_eq!(printable("a\0b\u{ffff}<"), "a\u{fffd}b\u{fffd}<");
    }
}
