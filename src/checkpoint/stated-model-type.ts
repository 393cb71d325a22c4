/** `model_type` of a config that says one. */
export function statedModelType({ model_type: stated }: Readonly<Record<string, unknown>>): unknown {
  return stated === null || stated === "" ? undefined : stated;
}
