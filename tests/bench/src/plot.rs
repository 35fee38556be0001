//! Goals as pictures: what was measured in each round, beside what its floor asks for.

use std::{fs, path::Path};

use plotters::prelude::{
    BLUE, ChartBuilder, IntoDrawingArea as _, IntoFont as _, LineSeries, PathElement, RED, SVGBackend, WHITE,
};

use crate::figure::{Goal, Round, float};

const SIZE: (u32, u32) = (640, 320);

/// One picture a goal, `GOAL.svg`.
pub(crate) fn draw_all(folder: &Path, goals: &[Goal]) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    for goal in goals {
        draw(&folder.join(format!("{}.svg", goal.id)), goal)?;
    }
    Ok(())
}

fn draw(path: &Path, goal: &Goal) -> anyhow::Result<()> {
    let figures = points(goal, |round| round.figure);
    let wanted = points(goal, |round| round.floor * goal.bound.value());
    let values = || figures.iter().chain(&wanted).map(|(_, value)| *value);
    let top = values()
        .filter(|value| value.is_finite())
        .fold(f64::MIN_POSITIVE, f64::max)
        * 1.15;
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(format!("{} {}", goal.id, goal.what), ("sans-serif", 15).into_font())
        .margin(12)
        .x_label_area_size(32)
        .y_label_area_size(64)
        .build_cartesian_2d(0.5..float(goal.rounds.len()) + 0.5, 0.0..top)?;
    chart
        .configure_mesh()
        .x_labels(goal.rounds.len())
        .x_label_formatter(&|round| format!("{round:.0}"))
        .x_desc("round")
        .y_desc(goal.unit)
        .draw()?;
    for (series, name, color) in [(figures, "measured", BLUE), (wanted, "wanted of it", RED)] {
        chart
            .draw_series(LineSeries::new(series, color).point_size(3))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color));
    }
    chart
        .configure_series_labels()
        .border_style(WHITE)
        .background_style(WHITE)
        .draw()?;
    area.present()?;
    Ok(())
}

fn points(goal: &Goal, value: impl Fn(&Round) -> f64) -> Vec<(f64, f64)> {
    let numbered = goal.rounds.iter().enumerate();
    numbered.map(|(i, round)| (float(i + 1), value(round))).collect()
}
