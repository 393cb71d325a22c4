/**
 * Keys that transformers reads in a file, in version 4.40, 4.57 or 5.23, for the model types that can be converted: the
 * parameters and attributes of their config classes, of GenerationConfig and of their tokenizers. Ours are among them.
 */

/** In config.json, where settings of generate() stood before they had a file of their own. */
export const CONFIG_KEYS = words(`
  _name_or_path _num_labels activation activation_dropout activation_function adaptive add_bias_logits
  add_cross_attention add_final_layer_norm architectures attention_dilation attention_dropout
  attention_probs_dropout_prob attention_window auto_map bad_words_ids base_model_prefix
  begin_suppress_tokens block_size bos_token_id chunk_size_feed_forward classif_dropout
  classifier_dropout classifier_dropout_prob cross_attention_hidden_size d_model
  decoder_attention_heads decoder_ffn_dim decoder_layerdrop decoder_layers decoder_start_token_id dim
  diversity_penalty do_sample dropout dtype early_stopping embedding_size encoder_attention_heads
  encoder_ffn_dim encoder_layerdrop encoder_layers encoder_no_repeat_ngram_size eos_token_id
  exponential_decay_length_penalty extra_pos_embeddings finetuning_task first_token_is_global
  force_bos_token_to_be_generated forced_bos_token_id forced_eos_token_id global_scaling_length
  hidden_act hidden_dim
  hidden_dropout_prob hidden_size id2label init_std initializer_range inner_group_num input_embedding_size
  intermediate_size is_decoder is_encoder_decoder label2id layer_norm_eps length_penalty
  lsh_num_pre_rounds mask_first_token max_2d_position_embeddings max_decoder_position_embeddings
  max_encoder_position_embeddings max_length max_position_embeddings max_seq_length
  max_sequence_length min_length model_max_length model_type n_heads n_layers n_positions
  no_repeat_ngram_size normalize_before normalize_embedding num_attention_heads num_beam_groups
  num_beams num_global_tokens num_hidden_groups num_hidden_layers num_labels num_return_sequences
  onnx_export output_attentions output_embedding_size output_hidden_states output_scores pad_token_id
  pass_global_tokens_to_decoder pool_with_global position_embedding_type prefix problem_type
  pruned_heads qa_dropout relative_attention_num_buckets remove_invalid_values repetition_penalty
  return_dict return_dict_in_generate scale_embedding sep_token_id seq_classif_dropout
  sinusoidal_pos_embds sparse_block_size sparsity_factor sparsity_type static_position_embeddings
  summary_activation summary_last_dropout summary_type summary_use_proj suppress_tokens
  task_specific_params task_type_vocab_size temperature tf_legacy_loss tie_encoder_decoder
  tie_word_embeddings tokenizer_class top_k top_p torch_dtype torchscript transformers_version
  type_vocab_size typical_p use_bfloat16 use_cache use_task_id vocab_size window_head window_merge
  window_overlap window_separator window_size window_tail
`);

/** In generation_config.json. */
export const GENERATION_KEYS = words(`
  _from_model_config assistant_confidence_threshold assistant_early_exit assistant_ensemble_weight
  assistant_lookbehind bad_words_ids begin_suppress_tokens bos_token_id cache_config
  cache_implementation compile_config constraints continuous_batching_config decoder_start_token_id
  disable_compile diversity_penalty do_sample dola_layers early_stopping encoder_no_repeat_ngram_size
  encoder_repetition_penalty eos_token_id epsilon_cutoff eta_cutoff exponential_decay_length_penalty
  force_words_ids forced_bos_token_id forced_decoder_ids forced_eos_token_id generation_kwargs
  guidance_scale is_assistant length_penalty low_memory max_cache_len max_length
  max_matching_ngram_size max_new_tokens max_time min_length min_new_tokens min_p no_repeat_ngram_size
  num_assistant_tokens num_assistant_tokens_schedule num_beam_groups num_beams num_return_sequences
  output_attentions output_hidden_states output_logits output_scores pad_token_id penalty_alpha
  prefill_chunk_size prompt_lookup_num_tokens remove_invalid_values renormalize_logits
  repetition_penalty return_dict_in_generate return_legacy_cache sequence_bias speculation_type
  stop_strings suppress_tokens target_lookbehind temperature token_healing top_h top_k top_p
  transformers_version typical_p use_cache use_mtp watermarking_config
`);

/** In tokenizer_config.json. */
export const TOKENIZER_KEYS = words(`
  add_prefix_space added_tokens_decoder additional_special_tokens bos_token chat_template
  clean_up_tokenization_spaces cls_token cls_token_box do_lower_case eos_token errors
  extra_special_tokens keep_accents mask_token mask_token_sent max_len max_length model_max_length
  monolingual_vocab_file never_split num_madeup_words offset pad_to_multiple_of pad_token
  pad_token_box pad_token_label pad_token_type_id padding padding_side remove_space sep_token
  sep_token_box sp_model_kwargs spaces_between_special_tokens split_special_tokens src_lang stride
  strip_accents tgt_lang tokenize_chinese_chars tokenizer_class trim_offsets truncation_side
  truncation_strategy unk_token vocab_size
`);

function words(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/));
}
