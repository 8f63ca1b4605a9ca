/** What a person can act on: its message is shown as it is. */
export class SceneError extends Error {
  constructor(message) {
    super(message);
    this.name = "SceneError";
  }
}
