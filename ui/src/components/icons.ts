/** The shapes of the icons, on a grid of 16. Rectangles and circles are written as paths too. */

const circle = (x: number, y: number, r: number) => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0-${2 * r} 0`;
const rectangle = (x: number, y: number, w: number, h: number) => `M${x} ${y}h${w}v${h}h-${w}z`;

export const icons = {
  activity: "M1.5 8h3l2-4.5 3 9 2-4.5h3",
  bucket: "M2.5 4.5h11L12 13.5H4zM2.5 4.5c0-1 2.5-1.8 5.5-1.8s5.5.8 5.5 1.8",
  check: "m3 8.5 3.25 3.25L13 5",
  chevron: "m3.5 6 4.5 4.5L12.500 6",
  computer: `${rectangle(2, 3, 12, 8)}M5.5 13.5h5M8 11v2.5`,
  conflict: "M8 14V9.5M8 9.5 3.5 5V2.5M8 9.5 12.5 5V2.5m-10.5 1.5 1.5-1.6L5 4M11 4l1.5-1.6L14 4",
  cross: "m4 4 8 8M12 4l-8 8",
  file: "M4 1.75h5.5L12.500 4.75V14.25H4zM9.250 2v3h3",
  folder: "M1.75 4a1 1 0 0 1 1-1h3.1l1.5 1.75h5.9a1 1 0 0 1 1 1V12a1 1 0 0 1-1 1H2.75a1 1 0 0 1-1-1z",
  globe: `${circle(8, 8, 5.75)}M2.25 8h11.5M8 2.25c2 1.7 2.6 3.6 2.6 5.75S10 12.05 8 13.75C6 12.05 5.4 10.15 5.4 8S6 3.95 8 2.25z`,
  hand: "M5 7.5v-4a1 1 0 0 1 2 0V7m0-.5v-4a1 1 0 0 1 2 0v4m0-3a1 1 0 0 1 2 0v5.5c0 3-1.5 5-4 5-2 0-3-1-4-3L2.2 9a1 1 0 0 1 1.7-1L5 9.3z",
  home: "M2.5 7 8 2.5 13.5 7v6a.5.5 0 0 1-.5.5H3a.5.5 0 0 1-.5-.5zM6.5 13.5V9.5h3v4",
  info: `${circle(8, 8, 5.75)}M8 7.5v3.25M8 5.25h.01`,
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  move: "M2 4v8M5 8h8.5M10.5 5l3 3-3 3",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  plus: "M8 3v10M3 8h10",
  receive: "M8 3v9.5M4.5 9 8 12.5 11.5 9",
  search: `${circle(7, 7, 4.25)}M10.25 10.25l3.25 3.25`,
  send: "M8 13V3.5M4.5 7 8 3.5 11.5 7",
  server: `${rectangle(2, 2.5, 12, 4.5)}${rectangle(2, 9, 12, 4.5)}M4.75 4.75h.01M4.75 11.25h.01`,
  settings: `M2 4.5h6m4 0h2M2 11.5h2m4 0h6${circle(10, 4.5, 1.75)}${circle(6, 11.5, 1.75)}`,
  sync: "M2 5.5h10.5M10 3l2.5 2.500L10 8M14 10.5H3.5M6 8 3.5 10.500 6 13",
  trash: "M2.5 4.5h11M6 4.5V2.75h4V4.5M4 4.5l.6 9h6.8l.6-9M6.75 7v4M9.25 7v4",
  undo: "M5.5 3 2.500 6l3 3M2.5 6h7a3.5 3.5 0 0 1 0 7H6",
  warn: "M8 2.25 14.25 13H1.75zM8 6.5v3M8 11.25h.01",
} as const;

/** The name of an icon. */
export type IconName = keyof typeof icons;
