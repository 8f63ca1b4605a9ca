/** Line drawings of 24 x 24, our own. */

export const play = '<path d="M8 5.5v13l10.5-6.5z" fill="currentColor"/>';
export const pause = '<path d="M9 6v12M15 6v12" stroke-width="3"/>';
export const bounce = '<path d="M4 9h15l-4-4M20 15H5l4 4"/>';
export const loop = '<path d="M17 3.5 20 6.5l-3 3M4 12v-1.5a4 4 0 0 1 4-4h12M7 20.5l-3-3 3-3M20 12v1.5a4 4 0 0 1-4 4H4"/>';
export const once = '<path d="M4 12h13M13 7.5l4.5 4.5-4.5 4.5M21 5.5v13"/>';
export const camera =
  '<path d="M3.5 8.5a2 2 0 0 1 2-2h7a2 2 0 0 1 2 2v7a2 2 0 0 1-2 2h-7a2 2 0 0 1-2-2zM14.5 10.7l6-3.2v9l-6-3.2"/>';
export const path =
  '<ellipse cx="12" cy="13" rx="9" ry="5"/><circle cx="12" cy="11" r="1.6" fill="currentColor"/><path d="M16.5 19.5l-3-1.6 2-2.7"/>';
export const locked = '<rect x="5" y="11" width="14" height="9" rx="2"/><path d="M8 11V8a4 4 0 0 1 8 0v3"/>';
export const unlocked = '<rect x="5" y="11" width="14" height="9" rx="2"/><path d="M8 11V7.5a4 4 0 0 1 7.7-1.5"/>';
export const display =
  '<path d="M4 7h9M19 7h1M4 17h1M11 17h9M4 12h3M13 12h7"/><circle cx="16" cy="7" r="2.2"/><circle cx="8" cy="17" r="2.2"/><circle cx="10" cy="12" r="2.2"/>';
export const snapshot =
  '<path d="M4 9a2 2 0 0 1 2-2h2l1.5-2.5h5L16 7h2a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2z"/><circle cx="12" cy="13" r="3.3"/>';
export const film =
  '<rect x="3.5" y="5" width="17" height="14" rx="2"/><path d="M8 5v14M16 5v14M3.5 9.7H8M3.5 14.3H8M16 9.7h4.5M16 14.3h4.5"/>';
export const grow = '<path d="M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5"/>';
export const shrink = '<path d="M9 4v5H4M15 4v5h5M9 20v-5H4M15 20v-5h5"/>';
