//! Bars in SVG.

use std::path::Path;

use plotters::coord::ranged1d::SegmentValue;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::Failure;

/// One bar.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) value: f64,
    /// The smallest and the largest of its rounds.
    pub(crate) range: (f64, f64),
    /// Drawn in the colour of this repository's module.
    pub(crate) ours: bool,
}

/// Pixels for a bar, for everything above and below the bars, and of the whole width.
const ROW: usize = 26;
const MARGINS: usize = 96;
const WIDTH: u32 = 900;

/// How much longer than the median bar one is still drawn at its length.
const LONGEST: f64 = 4.0;

const OURS: RGBColor = RGBColor(29, 110, 94);
const OTHERS: RGBColor = RGBColor(150, 160, 170);

/// Draws one bar for each system, from the top; a line on each shows its range.
pub(crate) fn draw(file: &Path, title: &str, unit: &str, bars: &[Bar]) -> Result<(), Failure> {
    let drawn = draw_bars(file, title, unit, bars);
    drawn.map_err(|error| format!("{}: {error}", file.display()))
}

fn draw_bars(file: &Path, title: &str, unit: &str, bars: &[Bar]) -> Result<(), Box<dyn std::error::Error>> {
    let height = u32::try_from(bars.len() * ROW + MARGINS)?;
    let area = SVGBackend::new(file, (WIDTH, height)).into_drawing_area();
    area.fill(&WHITE)?;
    let end = end_of_axis(bars);
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 18))
        .margin(10)
        .x_label_area_size(36)
        .y_label_area_size(290)
        .build_cartesian_2d(
            0.0..end * 1.16,
            (0..bars.len().saturating_sub(1)).into_segmented(),
        )?;
    // The axis counts from the bottom.
    let bar_at = |row: usize| bars.len().checked_sub(row + 1).and_then(|index| bars.get(index));
    let name = |value: &SegmentValue<usize>| match value {
        SegmentValue::CenterOf(row) => bar_at(*row).map_or_else(String::new, |bar| bar.name.clone()),
        _ => String::new(),
    };
    chart
        .configure_mesh()
        .disable_y_mesh()
        .light_line_style(TRANSPARENT)
        .y_labels(bars.len())
        .y_label_formatter(&name)
        .x_desc(unit)
        .label_style(("sans-serif", 13))
        .draw()?;
    for row in 0..bars.len() {
        let Some(bar) = bar_at(row) else { continue };
        let (from, to) = (SegmentValue::Exact(row), SegmentValue::Exact(row + 1));
        let style = if bar.ours { OURS } else { OTHERS }.filled();
        let length = bar.value.min(end);
        let mut rectangle = Rectangle::new([(0.0, from), (length, to)], style);
        rectangle.set_margin(4, 4, 0, 0);
        let edges = [bar.range.0.min(end), bar.range.1.min(end)];
        let range = edges.map(|edge| (edge, SegmentValue::CenterOf(row)));
        chart.draw_series([rectangle])?;
        chart.draw_series([PathElement::new(range, BLACK.stroke_width(1))])?;
        let style = TextStyle::from(("sans-serif", 13)).pos(Pos::new(HPos::Left, VPos::Center));
        let right = edges[1].max(length) + end * 0.01;
        chart.draw_series([Text::new(
            label(bar, end),
            (right, SegmentValue::CenterOf(row)),
            style,
        )])?;
    }
    area.present()?;
    Ok(())
}

fn label(bar: &Bar, end: f64) -> String {
    let digits = if bar.value < 10.0 {
        2
    } else {
        usize::from(bar.value < 1000.0)
    };
    let cut = if bar.value > end { " (cut)" } else { "" };
    format!("{:.digits$}{cut}", bar.value)
}

/// The longest bar, but no longer than [`LONGEST`] times the median: one that starts a process for each
/// request would leave nothing to see of the others.
fn end_of_axis(bars: &[Bar]) -> f64 {
    let values: Vec<f64> = bars.iter().map(|bar| bar.value).collect();
    let limit = LONGEST * super::median(values.clone());
    values
        .into_iter()
        .filter(|value| *value <= limit)
        .fold(0.0, f64::max)
        .max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bar_is_named_and_one_far_too_long_is_cut() {
        let bar = |name: &str, value: f64| Bar {
            name: name.to_string(),
            value,
            range: (value * 0.9, value * 1.1),
            ours: name == "rwsgi",
        };
        let bars = [bar("floor", 30.0), bar("rwsgi", 33.0), bar("CGI", 30_000.0)];
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("plot.svg");
        draw(&file, "CPU a request", "us", &bars).expect("drawn");
        let text = std::fs::read_to_string(&file).expect("read");
        for part in ["floor", "rwsgi", "CGI", "30000 (cut)", "33.0", "</svg>"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
