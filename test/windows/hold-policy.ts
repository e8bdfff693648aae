export function withAskPolicy(_: { timeout: number; otherwise: string }): void {}
