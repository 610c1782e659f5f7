"""The plot: one row for each thing measured, one mark for each line, on a logarithmic axis of seconds. Plain SVG."""

import math
from xml.sax.saxutils import escape

import benchtable

WIDTH, LEFT, RIGHT, ROW, TOP = 960, 330, 70, 21, 74
COLOURS = {'0': '#1b7837', '50': '#2166ac', 'narrow': '#b2182b'}
SHIFTS = {'0': -5, '50': 0, 'narrow': 5}  # so that marks of one row do not hide each other


class Plot:
    def __init__(self, samples, titles):
        self.samples, self.titles = samples, titles
        self.parts = []
        self.sections = [(name, [row for row in rows if any(samples.values.get((line, row[0])) for line in titles)])
                         for name, rows in benchtable.PLOTTED]
        values = [value for (_, step), found in samples.values.items() for value in found
                  if any(step == row[0] for _, rows in self.sections for row in rows)]
        self.low = 10 ** math.floor(math.log10(min(values)))
        self.high = 10 ** math.ceil(math.log10(max(values)))

    def x(self, seconds):
        share = math.log(seconds / self.low) / math.log(self.high / self.low)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def text(self, x, y, content, anchor='start', size=13, weight='normal', colour='#222'):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
                          f'font-weight="{weight}" fill="{colour}">{escape(content)}</text>')

    def line(self, x1, y1, x2, y2, colour, width=1.0):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
                          f'stroke-width="{width}"/>')

    def draw_axis(self, bottom):
        decade = self.low
        while decade < self.high * 1.01:
            for step in (1, 2, 5):
                if decade * step <= self.high * 1.01:
                    x = self.x(decade * step)
                    self.line(x, TOP - 8, x, bottom, '#bbb' if step == 1 else '#e6e6e6')
                    self.text(x, TOP - 13, f'{decade * step:g} s', 'middle', 11, colour='#555')
            decade *= 10

    def draw_legend(self):
        x = LEFT
        for line, title in self.titles.items():
            self.parts.append(f'<circle cx="{x}" cy="38" r="5" fill="{COLOURS[line]}"/>')
            self.text(x + 10, 42, title)
            x += 30 + 8 * len(title)

    def draw_row(self, y, step, label):
        own = label.startswith('imapfs')
        self.text(LEFT - 14, y + 4, label, 'end', weight='bold' if own else 'normal')
        for line in self.titles:
            values = self.samples.values.get((line, step))
            if not values:
                continue
            height, colour = y + SHIFTS[line], COLOURS[line]
            self.line(self.x(min(values)), height, self.x(max(values)), height, colour, 2)
            tip = f'{label}, {self.titles[line]}: {self.samples.text(line, step)} s'
            self.parts.append(f'<circle cx="{self.x(self.samples.median(line, step)):.1f}" cy="{height}" r="4" '
                              f'fill="{colour}"><title>{escape(tip)}</title></circle>')

    def draw(self, heading):
        n_rows = sum(len(rows) for _, rows in self.sections)
        bottom = TOP + ROW * n_rows + 34 * len(self.sections)
        self.parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 14}" '
                      f'font-family="Helvetica, Arial, sans-serif">', '<rect width="100%" height="100%" fill="white"/>']
        self.text(14, 20, heading, size=15, weight='bold')
        self.draw_legend()
        self.draw_axis(bottom)
        y = TOP
        for name, rows in self.sections:
            self.text(14, y + 18, name, size=13, weight='bold', colour='#555')
            y += 34
            for step, label in rows:
                self.draw_row(y, step, label)
                y += ROW
        return '\n'.join([*self.parts, '</svg>', ''])
