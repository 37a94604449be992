//! How a picture is drawn. Text stays text: no font is needed to make the file.

use super::figures::{Figure, Kind, Panel, Series};
use super::style::{self, INK, Mark};
use super::{Spread, short};
use plotters::coord::Shift;
use plotters::coord::ranged1d::{
    AsRangedCoord, KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter,
};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::error::Error;
use std::ops::Range;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Done = Result<(), Box<dyn Error>>;

/// Panels next to each other. Together they are as wide as a page, so that text keeps its size.
const COLUMNS: usize = 2;
const PANEL: (u32, u32) = (430, 320);
/// The size of one that is alone.
const ALONE: (u32, u32) = (600, 360);
/// The same for small ones.
const SMALL_COLUMNS: usize = 2;
const SMALL: (u32, u32) = (430, 190);
/// Sizes of text. In the file they come out a fifth smaller, and are 11 pixels at least.
const TITLE: i32 = 17;
const TEXT: i32 = 15;
const LABEL: i32 = 14;
/// A line of the legend.
const ROW: u32 = 22;
/// The width of a name in the legend.
const NAME: u32 = 170;

/// The file.
pub(super) fn svg(figure: &Figure) -> Result<String, Box<dyn Error>> {
    let (most, size) = match (figure.small, figure.panels.len()) {
        (true, _) => (SMALL_COLUMNS, SMALL),
        (false, 1) => (1, ALONE),
        (false, _) => (COLUMNS, PANEL),
    };
    let columns = figure.panels.len().min(most);
    let rows = figure.panels.len().div_ceil(columns);
    let width = size.0 * columns as u32;
    // Bars and small panels have their names beside them.
    let bars = figure.panels.iter().all(|panel| panel.kind == Kind::Bars);
    let maps = if bars || figure.small { Vec::new() } else { maps(figure) };
    let legend = ROW * (maps.len() as u32).div_ceil(width / NAME) + ROW / 2;
    let height = size.1 * rows as u32;
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, (width, height + legend));
        let (panels, below) = root.into_drawing_area().split_vertically(height);
        for (area, panel) in panels.split_evenly((rows, columns)).iter().zip(&figure.panels) {
            draw(area, panel)?;
        }
        draw_legend(&below, &maps, width)?;
        panels.present()?;
    }
    Ok(text)
}

/// An axis with names at the numbers 0, 1, 2, …
struct Places {
    names: Vec<String>,
    range: Range<f64>,
    /// Only every n-th name is written, so that names do not overlap.
    step: usize,
}

impl Places {
    fn new(names: Vec<String>, margin: f64, most: usize) -> Self {
        let range = -margin..names.len() as f64 - 1.0 + margin;
        let step = names.len().div_ceil(most.max(1)).max(1);
        Self { names, range, step }
    }
}

impl Ranged for Places {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let part = (value - self.range.start) / (self.range.end - self.range.start);
        limit.0 + (part * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        (0..self.names.len()).rev().step_by(self.step).map(|i| i as f64).collect()
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

impl ValueFormatter<f64> for Places {
    fn format_ext(&self, value: &f64) -> String {
        self.names.get(value.round() as usize).cloned().unwrap_or_default()
    }
}

/// The maps of a picture, in order.
fn maps(figure: &Figure) -> Vec<&str> {
    let series = figure.panels.iter().flat_map(|panel| &panel.series);
    let mut maps: Vec<&str> = series.map(|series| series.map.as_str()).collect();
    maps.sort_by_key(|map| (style::rank(map), *map));
    maps.dedup();
    maps
}

fn font(size: i32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&INK)
}

fn draw_legend(area: &Area<'_>, maps: &[&str], width: u32) -> Done {
    let columns = width / NAME;
    for (i, map) in maps.iter().enumerate() {
        let (column, row) = (i as u32 % columns, i as u32 / columns);
        let (x, y) = ((column * NAME + 14) as i32, (row * ROW + ROW / 2) as i32);
        let (colour, mark) = style::of(map);
        let stroke = colour.stroke_width(thickness(map));
        area.draw(&PathElement::new([(x, y), (x + 20, y)], stroke))?;
        draw_mark(area, (x + 10, y), colour, mark)?;
        let middle = font(TEXT).pos(Pos::new(HPos::Left, VPos::Center));
        area.draw(&Text::new(style::label(map).to_owned(), (x + 26, y), middle))?;
    }
    Ok(())
}

fn draw_mark(area: &Area<'_>, at: (i32, i32), colour: RGBColor, mark: Mark) -> Done {
    match mark {
        Mark::Circle => area.draw(&Circle::new(at, 4, colour.filled()))?,
        Mark::Triangle => area.draw(&TriangleMarker::new(at, 5, colour.filled()))?,
        Mark::Cross => area.draw(&Cross::new(at, 4, colour.stroke_width(2)))?,
        Mark::Ring => area.draw(&Circle::new(at, 4, colour.stroke_width(2)))?,
    }
    Ok(())
}

fn thickness(map: &str) -> u32 {
    if style::is_ours(map) { 3 } else { 1 }
}

fn draw(area: &Area<'_>, panel: &Panel) -> Done {
    if panel.kind == Kind::Bars {
        return draw_bars(area, panel);
    }
    let (low, high) = panel.range.unwrap_or_else(|| {
        let points = panel.series.iter().flat_map(|series| series.points.iter().flatten());
        points.fold((f64::INFINITY, 0.0), |(low, high), point| {
            (low.min(point.min), high.max(point.max))
        })
    });
    if panel.log && low > 0.0 {
        draw_lines(area, panel, (low / 1.5..high * 1.5).log_scale())
    } else {
        draw_lines(area, panel, low.min(0.0)..high.max(1e-9) * 1.08)
    }
}

fn draw_lines<Y>(area: &Area<'_>, panel: &Panel, y: Y) -> Done
where
    Y: AsRangedCoord<Value = f64>,
    Y::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let margin = if panel.kind == Kind::Trace { 0.5 } else { 0.3 };
    // Small panels have room for fewer names. A logarithmic axis writes fewer labels than it may.
    let (names, labels) = match (panel.range, panel.log) {
        (Some(_), _) => (4, 4),
        (None, false) => (6, 6),
        (None, true) => (6, 12),
    };
    let x = Places::new(panel.places.clone(), margin, names);
    let mut chart = ChartBuilder::on(area)
        .caption(&panel.title, font(TITLE))
        .margin(12)
        .x_label_area_size(46)
        .y_label_area_size(70)
        .build_cartesian_2d(x, y)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .axis_style(INK)
        .bold_line_style(INK.mix(0.3))
        .light_line_style(TRANSPARENT)
        .label_style(font(LABEL))
        .axis_desc_style(font(TEXT))
        .x_desc(panel.along)
        .y_desc(panel.unit.as_str())
        .y_label_formatter(&|y| {
            // On a logarithmic axis the others would overlap.
            let digit = y / 10_f64.powf((y * 1.000_001).log10().floor());
            let is_shown = !panel.log || [1.0, 2.0, 5.0].contains(&digit.round());
            if is_shown { (panel.label)(*y) } else { String::new() }
        })
        .y_labels(labels)
        .draw()?;
    // The last one is on top.
    let (ours, others): (Vec<_>, Vec<_>) =
        panel.series.iter().partition(|series| style::is_ours(&series.map));
    let maps: Vec<&str> = panel.series.iter().map(|series| series.map.as_str()).collect();
    for series in others.into_iter().chain(ours.into_iter().rev()) {
        let (colour, mark) = style::of(&series.map);
        // Points without lines stand side by side, so that none hides another.
        let aside = match maps.iter().position(|map| *map == series.map) {
            Some(nth) if panel.kind == Kind::Points => {
                (nth as f64 - (maps.len() - 1) as f64 / 2.0) * 0.12
            }
            _ => 0.0,
        };
        let stroke = colour.stroke_width(thickness(&series.map));
        let lines = if panel.kind == Kind::Points { Vec::new() } else { stretches(series) };
        for stretch in lines {
            let line = stretch.iter().map(|&(x, spread)| (x, spread.median));
            chart.draw_series(LineSeries::new(line, stroke))?;
        }
        if panel.kind == Kind::Trace {
            continue;
        }
        for (x, spread) in stretches(series).into_iter().flatten() {
            let x = x + aside;
            let whisker = [(x, spread.min), (x, spread.max)];
            chart.draw_series([PathElement::new(whisker, colour.mix(0.6))])?;
            let at = chart.backend_coord(&(x, spread.median));
            let (left, top) = area.get_base_pixel();
            draw_mark(area, (at.0 - left, at.1 - top), colour, mark)?;
        }
    }
    Ok(())
}

/// The points of a series, cut where one is missing.
fn stretches(series: &Series) -> Vec<Vec<(f64, Spread)>> {
    let mut stretches = vec![Vec::new()];
    for (x, point) in series.points.iter().enumerate() {
        match point {
            Some(spread) => stretches.last_mut().expect("never empty").push((x as f64, *spread)),
            None => stretches.push(Vec::new()),
        }
    }
    stretches
}

/// A bar for each map, from the least to the most.
fn draw_bars(area: &Area<'_>, panel: &Panel) -> Done {
    let value = |series: &Series| series.points.iter().flatten().next().copied();
    let mut bars: Vec<_> =
        panel.series.iter().filter_map(|s| Some((s.map.as_str(), value(s)?))).collect();
    bars.sort_by(|one, other| other.1.median.total_cmp(&one.1.median));
    let most = bars.iter().map(|(_, spread)| spread.max).fold(1e-9, f64::max);
    let count = bars.len();
    let names = bars.iter().map(|(map, _)| style::label(map).to_owned()).collect();
    let y = Places::new(names, 0.6, count);
    let mut chart = ChartBuilder::on(area)
        .caption(&panel.title, font(TITLE))
        .margin(12)
        .x_label_area_size(46)
        .y_label_area_size(130)
        .build_cartesian_2d(0.0..most * 1.12, y)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .axis_style(INK)
        .bold_line_style(INK.mix(0.3))
        .light_line_style(TRANSPARENT)
        .label_style(font(LABEL))
        .axis_desc_style(font(TEXT))
        .x_desc(panel.unit.as_str())
        .x_label_formatter(&|x| (panel.label)(*x))
        .x_labels(5)
        .draw()?;
    for (i, (map, spread)) in bars.iter().enumerate() {
        let (colour, _) = style::of(map);
        let (low, high) = (i as f64 - 0.32, i as f64 + 0.32);
        let fill = colour.mix(if style::is_ours(map) { 1.0 } else { 0.6 }).filled();
        chart.draw_series([Rectangle::new([(0.0, low), (spread.median, high)], fill)])?;
        let whisker = [(spread.min, i as f64), (spread.max, i as f64)];
        chart.draw_series([PathElement::new(whisker, INK)])?;
        let beside = font(LABEL).pos(Pos::new(HPos::Left, VPos::Center));
        let after = (spread.max + most * 0.012, i as f64);
        chart.draw_series([Text::new(short(spread.median), after, beside)])?;
    }
    Ok(())
}
